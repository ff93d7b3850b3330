// The functions that workers call by name. Random numbers come from `rng`: a sample has the same
// numbers in each run.

import { serve } from 'windrow/worker';

const SIDE = 8;

serve({
  /** Moves a picture by up to `pixels` pixels along both axes, and fills the edge with 0. */
  shift({ image, label }, { pixels }: { pixels: number }, { rng }) {
    const [down, right] = [rng.below(2 * pixels + 1) - pixels, rng.below(2 * pixels + 1) - pixels];
    const moved = new Uint8Array(SIDE * SIDE);
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const [fromY, fromX] = [y - down, x - right];
        const inside = fromY >= 0 && fromY < SIDE && fromX >= 0 && fromX < SIDE;
        moved[y * SIDE + x] = inside ? image.data[fromY * SIDE + fromX] : 0;
      }
    }
    return { image: moved, label };
  },
});
