import { serve } from '/www/pkg/src/browser/serve.js';
import { IMAGE, work } from './work.js';

const shape = { slow: [], tiny: [], images: [IMAGE] };
const served = (kind) => ({ value }) => ({ sample: { data: work[kind](Number(value.data[0])), shape: shape[kind] } });
serve({ slow: served('slow'), tiny: served('tiny'), images: served('images') });
