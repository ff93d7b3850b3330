// @ts-check
// Time limits of what others do, told by messages.

/** The parts of a limit. */
const PARTS = 10;
/** The longest that a timer takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * Calls `late` after so many milliseconds, and gives what calls that off.
 *
 * While this thread is busy or the machine sleeps, no message is heard, and that is not the fault of who sent it: the
 * time from one part to the next counts as one part, however long it was. After the last part there is one more, in
 * which messages come in that wait to be heard.
 */
export function patience(milliseconds, late) {
  let left = PARTS + 1;
  let timer;
  const part = () => {
    if (left-- > 0) timer = setTimeout(part, Math.min(milliseconds / PARTS, LONGEST));
    else late();
  };
  part();
  return () => clearTimeout(timer);
}
