// @ts-check
// Locks that a thread holds for life, so that a waiting thread learns of the holder's end.

/** Returns whether the lock is held from now on. A browser may refuse locks. */
export async function heldForLife(locks, name) {
  if (!locks || !name) return false;
  try {
    return await new Promise((held, refused) => locks.request(name, () => (held(true), new Promise(() => {}))).catch(refused));
  } catch {
    return false;
  }
}
