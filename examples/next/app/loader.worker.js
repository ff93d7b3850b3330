// The functions that workers call by name. Random numbers come from `rng`: a sample has the same
// numbers in each run.

import { serve } from 'windrow/worker';

serve({
  noise: ({ wave }, { amount }, { rng }) => ({ wave: { ...wave, data: wave.data.map((x) => x + amount * (rng.unit() - 0.5)) } }),
});
