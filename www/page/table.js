// What a CSV file holds, by a look at its beginning: whether it has a header, and which columns are numbers.

const LOOK = 64 << 10;

/** `{ header, fields, names }`, or nothing where no column is numbers. */
export async function peek(file) {
  const text = await file.slice(0, LOOK).text();
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  if (file.size > LOOK) lines.pop();
  const rows = lines.slice(0, 20).map((line) => line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1')));
  if (rows.length === 0) return undefined;
  const number = (cell) => cell !== '' && Number.isFinite(Number(cell));
  const header = rows.length > 1 && !rows[0].some(number);
  const body = header ? rows.slice(1) : rows;
  // Most of a column decides: the rows that differ are errors of their own.
  const columns = rows[0].map((_, column) => column).filter((column) => body.filter((row) => number(row[column] ?? '')).length * 2 > body.length);
  if (columns.length === 0) return undefined;
  const fields = columns.map((column) => ({ name: `c${column}`, columns: column, dtype: 'F64' }));
  const names = columns.map((column) => (header ? rows[0][column] : String(column)));
  return { header, fields, names };
}
