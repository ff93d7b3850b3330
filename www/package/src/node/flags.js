// @ts-check
// The flags of Node's threads: those of the program, unless Node would refuse them.

/**
 * Node refuses the flag that goes with `-e` for a thread of a file, and V8's flags wherever a list is
 * given. V8's are the program's in every thread.
 */
export const execArgv = process.execArgv.some((flag) => flag.startsWith('--input-type')) ? [] : undefined;
