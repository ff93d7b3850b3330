// @ts-check
// Time limits for answers that come as messages.

/** The number of parts of a limit. */
const PARTS = 10;
/** The longest delay of a timer, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * Calls `late` after a number of milliseconds, and returns a function that cancels the call.
 *
 * A thread that is busy, or a machine that sleeps, receives no messages, and the sender is not late for that reason.
 * The time from one part to the next therefore counts as one part, however long the time was. After the last part comes
 * one more, in which waiting messages arrive.
 */
export function patience(milliseconds, late) {
  let left = PARTS + 1;
  let timer;
  const part = () => {
    if (left-- > 0) timer = setTimeout(part, Math.min(milliseconds / PARTS, LONGEST));
    else late();
  };
  part();
  return () => clearTimeout(timer);
}
