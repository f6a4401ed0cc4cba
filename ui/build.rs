//! Looks whether the console is built, and lists its files for the crate. Builds nothing: no compiler run calls npm.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The folder is always there, if only with the file that keeps it: what is watched and missing would have this crate, and all
    // that stand on it, compiled anew by every build.
    println!("cargo::rerun-if-changed=dist");
    println!("cargo::rerun-if-env-changed=EXCHEQUER_REQUIRE_UI");
    let dist = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("dist");
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist, &mut files)?;
    } else if env::var_os("EXCHEQUER_REQUIRE_UI").is_some() {
        return Err("this build has to carry the console, and ui/dist is not there: run `cargo xtask ui` first".into());
    }
    let mut named = Vec::new();
    for file in &files {
        let name = file.strip_prefix(&dist)?.to_str().ok_or("a file of ui/dist has a name that is no text")?;
        named.push((name.to_owned(), file.display().to_string()));
    }
    named.sort();
    let mut list = String::from("&[\n");
    for (name, path) in named {
        writeln!(list, "    ({name:?}, include_bytes!({path:?})),")?;
    }
    list.push(']');
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("files.rs"), list)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
