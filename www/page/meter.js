// How free the page is: its frames a second, and the longest time in which it could do nothing.

/** Begins to measure; `stop()` gives `{ frames, freeze, time }`: a second, and milliseconds. `frame` is called before each. */
export function meter(frame = () => {}) {
  const began = performance.now();
  let frames = 0;
  let last = began;
  let freeze = 0;
  const beat = () => {
    const time = performance.now();
    freeze = Math.max(freeze, time - last);
    last = time;
  };
  const draw = () => {
    beat();
    frames += 1;
    frame(last - began);
    next = requestAnimationFrame(draw);
  };
  let next = requestAnimationFrame(draw);
  const timer = setInterval(beat, 4);
  return {
    stop() {
      beat();
      cancelAnimationFrame(next);
      clearInterval(timer);
      const time = performance.now() - began;
      return { frames: (1000 * frames) / time, freeze, time };
    },
  };
}
