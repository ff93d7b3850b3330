import { serve } from 'windrow/worker';

serve({ double: ({ value }) => ({ value: BigUint64Array.of(2n * value.data[0]) }) });
