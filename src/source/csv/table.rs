//! Parsing the text of a table into the bytes of its fields.

use std::borrow::Cow;
use std::io::Read;

use ::csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use super::options::{Column, Columns, CsvField, CsvOptions};
use super::parsed::Table;
use crate::dataset::Dtype;
use crate::error::{Error, Result};
use crate::source::bytes::files::list;
use crate::source::bytes::{ByteSource, Stream};
use crate::source::number;
use crate::source::refusal::shown;

/// The largest number of columns of a table.
const COLUMNS_MAX: usize = 65_536;
/// The longest row, in bytes.
const ROW_BYTES_MAX: u64 = 4 << 20;
/// How much text the reader takes at once, in bytes.
const BUFFER: usize = 64 << 10;
/// How much of a value an error shows, in characters.
const SHOWN: usize = 40;

/// Reads all rows of a table.
///
/// This function reads a packed table twice: first to count its rows, before it keeps anything of
/// them.
pub(super) fn read(bytes: &dyn ByteSource, options: &CsvOptions) -> Result<Table> {
    let mut rows = Rows::open(bytes, options)?;
    let counted = match rows.reader.get_ref().stream.packed() {
        true => Some(Rows::open(bytes, options)?.count()?),
        false => None,
    };
    if !rows.next()? {
        return Err(rows.wrong("is empty: it has no row".into()));
    }
    let width = rows.record.len();
    if width > COLUMNS_MAX {
        let why = format!("the row has {width} columns; at most {COLUMNS_MAX} can be read");
        return Err(rows.wrong_here(why));
    }
    let names = match options.has_header() {
        true => Some(rows.texts()?.map(String::from).collect::<Vec<_>>()),
        false => None,
    };
    let fields = options.fields.iter().map(|field| {
        let columns = resolve(field, width, names.as_deref());
        columns.map(|columns| (Vec::new(), columns)).map_err(|why| rows.wrong(why))
    });
    let columns = fields.collect::<Result<_>>()?;
    let mut table = Table { rows: 0, columns, identity: String::new() };
    if options.header.is_none() {
        rows.names_columns(&options.fields, &table)?;
    }
    if let Some(count) = counted {
        let count = count - u64::from(options.has_header());
        rows.reserve(count, options, &mut table.columns)?;
    }
    let mut there = !options.has_header() || rows.next()?;
    while there {
        if rows.record.len() != width {
            let why =
                format!("the row has {} columns, the first row has {width}", rows.record.len());
            return Err(rows.wrong_here(why));
        }
        if !rows.record.as_slice().is_ascii() {
            _ = rows.texts()?;
        }
        for (field, (data, columns)) in options.fields.iter().zip(&mut table.columns) {
            if data.try_reserve(row_size(field, columns)).is_err() {
                return Err(rows.wrong_here(format!("too little memory for field {}", field.name)));
            }
            if let Err(column) = push(field.dtype, &rows.record, columns, data) {
                return Err(rows.wrong_value(field, column, names.as_deref()));
            }
        }
        table.rows += 1;
        there = rows.next()?;
    }
    for (data, _) in &mut table.columns {
        data.shrink_to_fit();
    }
    table.identity = rows.reader.get_mut().stream.identity()?;
    Ok(table)
}

/// Returns the size of one row of a field, in bytes.
fn row_size(field: &CsvField, columns: &[usize]) -> usize {
    columns.len() * field.dtype.size() as usize
}

/// Returns the numbers of a field's columns, or the reason why the table has no such columns.
fn resolve(
    field: &CsvField,
    width: usize,
    names: Option<&[String]>,
) -> std::result::Result<Vec<usize>, String> {
    let name = &field.name;
    let beyond = |column: u64| {
        format!("field {name} wants column {column}; its columns are 0 to {}", width - 1)
    };
    let number = |column: &Column| match column {
        Column::Number(number) => {
            usize::try_from(*number).ok().filter(|&n| n < width).ok_or_else(|| beyond(*number))
        }
        Column::Name(wanted) => {
            let names = names.ok_or_else(|| {
                format!(
                    "field {name} wants column {wanted:?}, but the table is read without a header; \
                     set `header` to true or give the column's number"
                )
            })?;
            let mut found = (0..names.len()).filter(|&column| names[column] == *wanted);
            match (found.next(), found.next()) {
                (Some(column), None) => Ok(column),
                (Some(first), Some(second)) => Err(format!(
                    "field {name} wants column {wanted:?}, the name of both columns {first} and {second}; \
                     give the column's number"
                )),
                (None, _) => {
                    let there = list(names.iter().map(String::as_str));
                    Err(format!("field {name} wants column {wanted:?}; its columns are {there}"))
                }
            }
        }
    };
    let columns: Vec<usize> = match &field.columns {
        Columns::All => (0..width).collect(),
        Columns::One(column) => vec![number(column)?],
        Columns::List(columns) => {
            columns.iter().map(number).collect::<std::result::Result<_, _>>()?
        }
        Columns::Range(range) if range.start > range.end => {
            return Err(format!("field {name} wants columns {range:?}, which run backwards"));
        }
        Columns::Range(range) if range.end > width as u64 => return Err(beyond(range.end - 1)),
        Columns::Range(range) => (range.start as usize..range.end as usize).collect(),
    };
    if columns.is_empty() {
        return Err(format!("field {name} has no column; give at least one"));
    }
    if columns.len() > COLUMNS_MAX {
        return Err(format!(
            "field {name} has {} columns; give at most {COLUMNS_MAX}",
            columns.len()
        ));
    }
    let shape = field.shape_of(columns.len() as u64);
    let places = shape.iter().try_fold(1u64, |places, &axis| places.checked_mul(axis));
    if places != Some(columns.len() as u64) {
        let count = columns.len();
        return Err(format!("field {name} has {count} columns, which are not of shape {shape:?}"));
    }
    Ok(columns)
}

/// A reader of the rows of a text, one after another.
struct Rows<'a> {
    bytes: &'a dyn ByteSource,
    reader: Reader<Text<'a>>,
    record: ByteRecord,
}

impl<'a> Rows<'a> {
    fn open(bytes: &'a dyn ByteSource, options: &CsvOptions) -> Result<Self> {
        let stream = Stream::open(bytes)?;
        let total_max = stream.kept_max();
        let text = Text { stream, row: 0, total: 0, total_max, passed: None };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(options.delimiter as u8)
            .buffer_capacity(BUFFER)
            .from_reader(text);
        Ok(Self { bytes, reader, record: ByteRecord::new() })
    }

    /// Reads the next row; returns false after the last.
    fn next(&mut self) -> Result<bool> {
        self.reader.get_mut().row = 0;
        let read = self.reader.read_byte_record(&mut self.record);
        read.map_err(|error| match (self.reader.get_mut().passed.take(), error.into_kind()) {
            (Some(why), _) => self.wrong_here(why),
            (None, ErrorKind::Io(error)) => match error.downcast::<Error>() {
                Ok(error) => error,
                Err(error) => Error::io(format!("reading {}", self.bytes.name()), error),
            },
            (None, kind) => self.wrong_here(format!("{kind:?}")),
        })
    }

    /// Returns the number of rows that remain.
    fn count(mut self) -> Result<u64> {
        let mut count = 0;
        while self.next()? {
            count += 1;
        }
        Ok(count)
    }

    /// Allocates the memory for `count` rows, unless that is too much for a gzip file of this size.
    fn reserve(
        &self,
        count: u64,
        options: &CsvOptions,
        columns: &mut [(Vec<u8>, Vec<usize>)],
    ) -> Result<()> {
        let sizes = options.fields.iter().zip(&*columns);
        let size: u64 = sizes.map(|(field, (_, columns))| row_size(field, columns) as u64).sum();
        let (needed, most) = (count.saturating_mul(size), self.reader.get_ref().total_max);
        if needed > most {
            let why =
                format!("its {count} rows take {needed} bytes of memory; a gzip file of this size");
            return Err(self.wrong(format!("{why} may take at most {most}; unpack the file first")));
        }
        for (field, (data, columns)) in options.fields.iter().zip(columns) {
            let size = usize::try_from(count * row_size(field, columns) as u64).ok();
            if size.and_then(|size| data.try_reserve_exact(size).ok()).is_none() {
                return Err(self.wrong(format!("too little memory for field {}", field.name)));
            }
        }
        Ok(())
    }

    /// Returns the values of the row, which must be UTF-8.
    fn texts(&self) -> Result<impl Iterator<Item = &str>> {
        for (column, value) in self.record.iter().enumerate() {
            if std::str::from_utf8(value).is_err() {
                let shown = shown(&String::from_utf8_lossy(value), SHOWN);
                return Err(self.wrong_here(format!("column {column} is not UTF-8: {shown}")));
            }
        }
        Ok(self.record.iter().map(|value| std::str::from_utf8(value).unwrap_or_default()))
    }

    /// Returns an error if the default header could be a row of data, which would be lost.
    fn names_columns(&self, fields: &[CsvField], table: &Table) -> Result<()> {
        let is_data = |(field, (_, columns)): (&CsvField, &(Vec<u8>, Vec<usize>))| {
            let mut data = Vec::new();
            !field.columns.is_named() && push(field.dtype, &self.record, columns, &mut data).is_ok()
        };
        if !fields.iter().zip(&table.columns).all(is_data) {
            return Ok(());
        }
        let column = table.columns[0].1[0];
        let shown = shown(&self.value(column), SHOWN);
        Err(self.wrong_here(format!(
            "the first row names the columns by default, but is all data: column {column} is {shown}; \
             set `header` to false if the row is data, or to true if it names the columns"
        )))
    }

    /// Returns the text of a column in the current row.
    fn value(&self, column: usize) -> Cow<'_, str> {
        String::from_utf8_lossy(self.record.get(column).unwrap_or_default())
    }

    fn wrong(&self, why: String) -> Error {
        Error::Format { name: self.bytes.name().into(), offset: None, why }
    }

    /// Returns an error of the current row, with its line.
    fn wrong_here(&self, why: String) -> Error {
        let start = self.record.position().map_or(0, |position| position.byte());
        match line_at(self.bytes, start) {
            Ok(line) => self.wrong(format!("line {line}: {why}")),
            Err(error) => error,
        }
    }

    fn wrong_value(&self, field: &CsvField, column: usize, names: Option<&[String]>) -> Error {
        let named = names.map(|names| format!(" ({})", shown(&names[column], SHOWN)));
        let (place, shown) = (named.unwrap_or_default(), shown(&self.value(column), SHOWN));
        let (name, dtype, allowed) = (&field.name, field.dtype, allowed(field.dtype));
        let why = format!("column {column}{place}: {shown} is no {dtype}");
        self.wrong_here(format!("{why}; field {name} takes {allowed}"))
    }
}

/// A text that counts the bytes that it gives, and ends with an error beyond a limit.
struct Text<'a> {
    stream: Stream<'a>,
    /// The bytes given since the current row began, without the bytes that the buffer had then.
    row: u64,
    total: u64,
    total_max: u64,
    /// The error of the limit that the text exceeds.
    passed: Option<String>,
}

impl Read for Text<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.stream.fill(buffer).map_err(std::io::Error::other)?;
        self.row += count as u64;
        self.total += count as u64;
        if self.row > ROW_BYTES_MAX + BUFFER as u64 {
            let why = format!(
                "a row or a run of blank lines has more than {ROW_BYTES_MAX} bytes; is a quote left open?"
            );
            self.passed = Some(why);
        } else if self.total > self.total_max {
            let most = self.total_max;
            let why = format!(
                "a gzip file of this size may unpack to at most {most} bytes; unpack the file first"
            );
            self.passed = Some(why);
        }
        match self.passed {
            Some(_) => Err(std::io::Error::other("a limit was exceeded")),
            None => Ok(count),
        }
    }
}

/// Returns the number, from 1, of the line with the first row at or after a byte of the text.
///
/// Only errors use this number, so the text is read again. The reader's own count is wrong after
/// blank lines.
fn line_at(bytes: &dyn ByteSource, start: u64) -> Result<u64> {
    let mut stream = Stream::open(bytes)?;
    let mut buffer = vec![0; BUFFER];
    let (mut at, mut line, mut before) = (0, 1, 0);
    loop {
        let count = stream.fill(&mut buffer)?;
        for &byte in &buffer[..count] {
            match byte {
                b'\r' => line += 1,
                b'\n' if before == b'\r' => {}
                b'\n' => line += 1,
                _ if at >= start => return Ok(line),
                _ => {}
            }
            before = byte;
            at += 1;
        }
        if count < buffer.len() {
            return Ok(line);
        }
    }
}

/// Appends the values of some columns of a row to `out`, or returns the column with a wrong value.
/// value.
fn push(
    dtype: Dtype,
    record: &ByteRecord,
    columns: &[usize],
    out: &mut Vec<u8>,
) -> std::result::Result<(), usize> {
    let mut added = |&column: &usize| {
        let text = record.get(column).and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.is_some_and(|text| number::push(dtype, text, out)).then_some(()).ok_or(column)
    };
    columns.iter().try_for_each(&mut added)
}

/// Returns the allowed values of a dtype, for an error.
fn allowed(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::BOOL => "0, 1, true or false",
        Dtype::U8 => "a whole number from 0 to 255",
        Dtype::I8 => "a whole number from -128 to 127",
        Dtype::U16 => "a whole number from 0 to 65535",
        Dtype::I16 => "a whole number from -32768 to 32767",
        Dtype::U32 => "a whole number from 0 to 4294967295",
        Dtype::I32 => "a whole number from -2147483648 to 2147483647",
        Dtype::U64 => "a whole number from 0 to 18446744073709551615",
        Dtype::I64 => "a whole number from -9223372036854775808 to 9223372036854775807",
        Dtype::F16 => "a number from -65504 to 65504",
        Dtype::BF16 | Dtype::F32 => "a number from about -3.4e38 to 3.4e38",
        Dtype::F64 => "a number from about -1.8e308 to 1.8e308",
    }
}
