// The checkpoint in IndexedDB. Model, optimizer and loader are one record, so a reload at any time finds
// all three as they were after the same batch.

import type { State } from 'windrow';

export interface Saved {
  name: string;
  shape: number[];
  data: Float32Array;
}

export interface Row {
  number: number;
  loss: number;
  validation: number;
  accuracy: number;
}

export interface Checkpoint {
  model: Saved[];
  optimizer: Saved[];
  /** Where the loader goes on. */
  state: State | undefined;
  /** The epochs that are complete. */
  rows: Row[];
  /** The sum of the losses in the epoch that is not complete. */
  sum: number;
}

export const read = (): Promise<Checkpoint | undefined> => use('readonly', (store) => store.get('latest'));
export const write = (checkpoint: Checkpoint): Promise<unknown> => use('readwrite', (store) => store.put(checkpoint, 'latest'));
export const clear = (): Promise<unknown> => use('readwrite', (store) => store.clear());

let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('windrow-example', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('checkpoints');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function use<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await (opened ??= open());
  return new Promise((resolve, reject) => {
    const transaction = database.transaction('checkpoints', mode);
    const request = act(transaction.objectStore('checkpoints'));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}
