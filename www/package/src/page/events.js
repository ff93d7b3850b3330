// @ts-check
// Events for the user's `onEvent`.

/** Returns a function that passes on events. An error in `onEvent` affects nothing else. */
export function teller(onEvent) {
  let threw = false;
  return async (event) => {
    try {
      await onEvent?.(event);
    } catch (error) {
      if (!threw) console.error('windrow: onEvent threw', error);
      threw = true;
    }
  };
}
