'use client';

import { useEffect, useState } from 'react';
import { loader } from 'windrow';

import { pipelines } from './pipelines';

const BLANK = { done: 0, total: 1 };

/** The progress of one pipeline, its backend, and the digest at the end. */
export function Stream({ name }) {
  const [runs, again] = useState(0);
  const [{ done, total, from, mode, digest, error }, update] = useState(BLANK);
  const key = `windrow-${name}`;

  useEffect(() => {
    const stop = new AbortController();
    const tell = (news) => stop.signal.aborted || update((old) => ({ ...old, ...news }));
    async function read() {
      const data = await loader({ ...pipelines[name], digest: true, resume: localStorage.getItem(key), signal: stop.signal });
      const { backend, workers } = data.mode;
      tell({ total: data.batchesPerEpoch * data.progress.epochs, from: data.progress.batches, mode: `${backend}, ${workers} workers` });
      for await (const batch of data) {
        await new Promise(requestAnimationFrame); // a step of training would be here
        if (stop.signal.aborted) return;
        localStorage.setItem(key, JSON.stringify(batch.state));
        tell({ done: batch.number + 1 });
      }
      tell({ done: data.progress.batches, digest: data.digest });
    }
    read().catch((error) => tell({ error }));
    // An unmounted component ends its loader; React mounts each component twice in development.
    return () => stop.abort();
  }, [name, key, runs]);

  function startAgain() {
    localStorage.removeItem(key);
    update(BLANK);
    again(runs + 1);
  }

  return (
    <section id={name}>
      <h2>{name}</h2>
      <progress value={done} max={total} aria-label={`Batches of ${name}`} />
      <p className="mode">{mode && `${mode}, from batch ${from} on`}</p>
      <p className="digest" role="status">{digest && `Digest ${digest}`}</p>
      <button onClick={startAgain}>Start again</button>
      {error && <p role="alert">{error.message} {error.fix}</p>}
    </section>
  );
}
