//! Tables for other programs: CSV as RFC 4180 has it, with plain line ends.

/// Rows of fields as CSV.
#[derive(Debug, Default)]
pub(in crate::cli) struct Csv(String);

impl Csv {
    /// A table with this first line.
    pub(in crate::cli) fn new<T: AsRef<str>>(head: &[T]) -> Self {
        let mut csv = Self::default();
        csv.row(head);
        csv
    }

    /// Adds a line.
    pub(in crate::cli) fn row<T: AsRef<str>>(&mut self, fields: &[T]) {
        let fields: Vec<String> = fields.iter().map(|field| escape(field.as_ref())).collect();
        self.0.push_str(&fields.join(","));
        self.0.push('\n');
    }

    /// The text, every line ended.
    pub(in crate::cli) fn text(&self) -> &str {
        &self.0
    }
}

fn escape(field: &str) -> String {
    let odd = |c: char| matches!(c, '"' | ',' | ';' | '\t' | '\n' | '\r');
    if field.contains(odd) || field.starts_with(' ') || field.ends_with(' ') {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_fields_are_quoted() {
        let mut csv = Csv::new(&["a", "b"]);
        csv.row(&["plain 한글", "1.5"]);
        csv.row(&["say \"hi\", you", "two\nlines"]);
        assert_eq!(csv.text(), "a,b\nplain 한글,1.5\n\"say \"\"hi\"\", you\",\"two\nlines\"\n");
    }
}
