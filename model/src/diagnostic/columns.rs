//! Where columns of lines are in bytes, without going through a long line for each of them.

use std::collections::BTreeMap;

use super::LONG;

/// How many characters lie between the marks on a long line.
const STEP: usize = 256;

/// Marks on the long lines of a text.
#[derive(Debug)]
pub(super) struct Columns {
    /// By where a line begins, the byte of every [`STEP`]-th character of it.
    marks: BTreeMap<usize, Vec<usize>>,
}

impl Columns {
    /// Those of lines with where they begin.
    pub(super) fn of<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Self {
        let marks = |line: &str| line.char_indices().step_by(STEP).map(|(at, _)| at).collect();
        let long = lines.filter(|(_, line)| line.len() > LONG);
        Self { marks: long.map(|(start, line)| (start, marks(line))).collect() }
    }

    /// Where a column, from 0, of the line that begins at `start` is in the line; its end where that is shorter.
    pub(super) fn byte(&self, start: usize, line: &str, column: usize) -> usize {
        let (mark, column) = match self.marks.get(&start) {
            None => (0, column),
            Some(marks) => match marks.get(column / STEP) {
                Some(mark) => (*mark, column % STEP),
                None => return line.len(),
            },
        };
        line[mark..].char_indices().nth(column).map_or(line.len(), |(at, _)| mark + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_where_counting_finds_them() {
        for line in ["é".repeat(LONG), "aé√".repeat(STEP), "ab".into(), String::new()] {
            let columns = Columns::of([(7, &*line)].into_iter());
            assert_eq!(columns.marks.contains_key(&7), line.len() > LONG);
            for column in 0..line.len() + 2 * STEP {
                let counted = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
                assert_eq!(columns.byte(7, &line, column), counted, "{column}");
            }
        }
    }
}
