// @ts-check
// The flags of Node's threads: the program's flags, unless Node would refuse them.

/**
 * Node refuses the flag that comes with `-e` for a thread with a file, and refuses V8's flags in any list. V8's flags
 * apply to every thread of the program anyway.
 */
export const execArgv = process.execArgv.some((flag) => flag.startsWith('--input-type')) ? [] : undefined;
