// @ts-check
// Events for the user's `onEvent`.

/** What tells them; nothing depends on what `onEvent` does. */
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
