// @ts-check
// Locks that a thread holds for as long as it lives: whoever waits for one hears of its end.

/** Whether the lock is held from now on; a browser may refuse. */
export async function heldForLife(locks, name) {
  if (!locks || !name) return false;
  try {
    return await new Promise((held, refused) => locks.request(name, () => (held(true), new Promise(() => {}))).catch(refused));
  } catch {
    return false;
  }
}
