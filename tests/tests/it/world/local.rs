//! What the programs and the simulators are told on one machine, from the file that the demo reads.

const SETTINGS: &str = include_str!("../../../../scripts/local.env");

/// What the file says of a setting that is the same wherever it runs.
pub const fn local(name: &str) -> &'static str {
    let (file, name) = (SETTINGS.as_bytes(), name.as_bytes());
    let mut line = 0;
    while line < file.len() {
        let mut end = line;
        while end < file.len() && file[end] != b'\n' {
            end += 1;
        }
        let value = line + name.len() + 1;
        if value <= end && file[value - 1] == b'=' {
            let mut same = 0;
            while same < name.len() && file[line + same] == name[same] {
                same += 1;
            }
            if same == name.len() {
                return SETTINGS.split_at(end).0.split_at(value).1;
            }
        }
        line = end + 1;
    }
    panic!("scripts/local.env has it")
}
