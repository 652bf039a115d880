//! Joins the modules that a page's script imports into one file, so that a phone on a bad line waits for one answer.
//!
//! Each module becomes a function that gives what it exports; the entry comes last, as it is. Modules are evaluated in the order in
//! which a browser would. Only what the sources use is read: static imports and exports that begin a line. All else is refused, by the
//! test that joins every script.

use std::collections::BTreeMap;

/// Why modules cannot be joined.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    #[error("{from} imports {path}, which is not there")]
    Missing { from: String, path: String },
    #[error("{0} imports itself, by way of others")]
    Cycle(String),
    #[error("{path} has a line that is not understood: {line}")]
    Line { path: String, line: String },
}

/// Joins the module `entry` with all that it imports. `sources` gives a module's text by its path.
pub fn join(entry: &str, sources: &dyn Fn(&str) -> Option<String>) -> Result<String, ModuleError> {
    let mut joined = Joined { sources, numbers: BTreeMap::new(), text: String::new() };
    let module = joined.read("the page", entry)?;
    let (imports, _) = joined.imported(&module)?;
    Ok([joined.text, imports, module.body].concat())
}

struct Joined<'a> {
    sources: &'a dyn Fn(&str) -> Option<String>,
    /// The number of each module that is in `text`; none while what it imports is put there.
    numbers: BTreeMap<String, Option<usize>>,
    text: String,
}

/// A module's text without its imports and without the word `export`.
struct Module {
    path: String,
    imports: Vec<Import>,
    /// The names that it declares and exports.
    exports: Vec<String>,
    body: String,
}

/// A module that another one names, and what is done with what it exports.
struct Import {
    path: String,
    does: Does,
}

enum Does {
    /// `import "./a.js"`
    Nothing,
    /// `import { a as b } from "./a.js"` and `import * as b from "./a.js"`: what stands left of `=` in the declaration.
    Take(String),
    /// `export { a as b } from "./a.js"`: what it is called there, and here.
    PassOn(Vec<(String, String)>),
}

impl Joined<'_> {
    fn read(&self, from: &str, path: &str) -> Result<Module, ModuleError> {
        let missing = || ModuleError::Missing { from: from.to_owned(), path: path.to_owned() };
        let text = (self.sources)(path).ok_or_else(missing)?;
        Module::of(path, &text)
    }

    /// Puts what a module imports before it. Returns the lines with which it takes what it needs of it, and what it passes on.
    fn imported(&mut self, module: &Module) -> Result<(String, Vec<String>), ModuleError> {
        let (mut lines, mut passed_on) = (String::new(), Vec::new());
        for Import { path, does } in &module.imports {
            let number = self.add(&module.path, &resolved(&module.path, path))?;
            match does {
                Does::Nothing => {}
                Does::Take(taken) => lines.push_str(&format!("const {taken} = module{number};\n")),
                Does::PassOn(names) => {
                    passed_on.extend(names.iter().map(|(there, here)| format!("{here}: module{number}.{there}")));
                }
            }
        }
        Ok((lines, passed_on))
    }

    /// Adds a module, if it is not there yet, and returns its number.
    fn add(&mut self, from: &str, path: &str) -> Result<usize, ModuleError> {
        match self.numbers.get(path) {
            Some(Some(number)) => return Ok(*number),
            Some(None) => return Err(ModuleError::Cycle(path.to_owned())),
            None => {}
        }
        self.numbers.insert(path.to_owned(), None);
        let module = self.read(from, path)?;
        let (imports, passed_on) = self.imported(&module)?;
        let number = self.numbers.values().flatten().count();
        let exports = [module.exports, passed_on].concat().join(", ");
        let body = module.body;
        self.text
            .push_str(&format!("const module{number} = (() => {{\n{imports}{body}return {{ {exports} }};\n}})();\n"));
        self.numbers.insert(path.to_owned(), Some(number));
        Ok(number)
    }
}

impl Module {
    fn of(path: &str, text: &str) -> Result<Self, ModuleError> {
        let mut module = Self { path: path.to_owned(), imports: Vec::new(), exports: Vec::new(), body: String::new() };
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let is_list = |line: &str| ["import {", "export {"].iter().any(|begin| line.starts_with(begin));
            let mut line = line.to_owned();
            // A list may go over several lines.
            while is_list(&line) && !line.ends_with(';') {
                let Some(next) = lines.next() else { return Err(module.line(&line)) };
                line.push(' ');
                line.push_str(next.trim());
            }
            module.take(&line)?;
        }
        Ok(module)
    }

    fn take(&mut self, line: &str) -> Result<(), ModuleError> {
        let fault = || ModuleError::Line { path: self.path.clone(), line: line.to_owned() };
        if let Some(rest) = line.strip_prefix("import ") {
            self.imports.push(import(rest).ok_or_else(fault)?);
        } else if let Some(rest) = line.strip_prefix("export {") {
            self.imports.push(passed_on(rest).ok_or_else(fault)?);
        } else {
            let declaration = line.strip_prefix("export ");
            if let Some(declaration) = declaration {
                self.exports.extend(declared(declaration).ok_or_else(fault)?);
            }
            self.body.push_str(declaration.unwrap_or(line));
            self.body.push('\n');
        }
        Ok(())
    }

    fn line(&self, line: &str) -> ModuleError {
        ModuleError::Line { path: self.path.clone(), line: line.to_owned() }
    }
}

/// Reads what stands after `import`.
fn import(rest: &str) -> Option<Import> {
    let rest = rest.strip_suffix(';')?;
    let (taken, quoted) = rest.split_once(" from ").map_or((None, rest), |(taken, quoted)| (Some(taken), quoted));
    let does = match taken {
        None => Does::Nothing,
        Some(list) if list.starts_with('{') => Does::Take(list.replace(" as ", ": ")),
        Some(whole) => Does::Take(whole.strip_prefix("* as ")?.to_owned()),
    };
    Some(Import { path: unquoted(quoted)?, does })
}

/// Reads what stands after `export {`.
fn passed_on(rest: &str) -> Option<Import> {
    let (list, quoted) = rest.strip_suffix(';')?.split_once("} from ")?;
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    let names = names.map(|name| name.split_once(" as ").unwrap_or((name, name)));
    let names = names.map(|(there, here)| (there.to_owned(), here.to_owned())).collect();
    Some(Import { path: unquoted(quoted)?, does: Does::PassOn(names) })
}

fn unquoted(text: &str) -> Option<String> {
    Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

/// The names that a declaration makes: one, or those of a list.
fn declared(rest: &str) -> Option<Vec<String>> {
    let after = ["async function ", "function ", "const ", "class "].iter().find_map(|word| rest.strip_prefix(word))?;
    let is_name = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$');
    let list = match after.strip_prefix('[') {
        Some(list) => list.split_once(']')?.0,
        None => after.split(|c: char| !is_name(&c.to_string().as_str())).next()?,
    };
    let names = list.split(',').map(str::trim);
    names.map(|name| Some(name).filter(is_name).map(str::to_owned)).collect()
}

/// The path of a module that another one names, both below the same folder.
fn resolved(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(files: &[(&str, &str)]) -> Result<String, ModuleError> {
        let sources = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
        join(files[0].0, &sources)
    }

    #[test]
    fn modules_are_joined_in_the_order_of_their_evaluation() {
        let bundle = joined(&[
            ("page.js", "import { two as second } from \"./b/two.js\";\nimport \"./one.js\";\nawait second();\n"),
            ("one.js", "import * as all from \"./b/two.js\";\nall.two(all.ONE);\n"),
            (
                "b/two.js",
                "import {\n  ONE,\n  X as Y,\n} from \"../c.js\";\nexport async function two() {}\nexport { ONE } from \"../c.js\";\n",
            ),
            ("c.js", "export const [ONE, TWO] = [1, 2];\nexport class X {}\n"),
        ]);
        let expected = "const module0 = (() => {\nconst [ONE, TWO] = [1, 2];\nclass X {}\nreturn { ONE, TWO, X };\n})();\n\
             const module1 = (() => {\nconst { ONE, X: Y, } = module0;\nasync function two() {}\nreturn { two, ONE: module0.ONE };\n})();\n\
             const module2 = (() => {\nconst all = module1;\nall.two(all.ONE);\nreturn {  };\n})();\n\
             const { two: second } = module1;\nawait second();\n";
        assert_eq!(bundle.unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_joined_is_named() {
        let missing = ModuleError::Missing { from: "a.js".to_owned(), path: "b.js".to_owned() };
        assert_eq!(joined(&[("a.js", "import \"./b.js\";\n")]), Err(missing));
        let cycle = joined(&[
            ("a.js", "import \"./b.js\";\n"),
            ("b.js", "import \"./c.js\";\n"),
            ("c.js", "import \"./b.js\";\n"),
        ]);
        assert_eq!(cycle, Err(ModuleError::Cycle("b.js".to_owned())));
        for line in [
            "import a from \"./b.js\";",
            "import './b.js';",
            "export default 1;",
            "export let a = 1;",
            "export { a };",
            "import {",
        ] {
            let refused = joined(&[("a.js", line), ("b.js", "")]);
            assert_eq!(refused, Err(ModuleError::Line { path: "a.js".to_owned(), line: line.to_owned() }));
        }
    }
}
