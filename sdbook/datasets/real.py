"""Real data that need no network: handwritten digits, and words with their definitions."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path

import numpy as np

from sdbook.datasets.dataset import Dataset
from sdbook.datasets.prepare import centre, normalise

DATA = Path(__file__).parent.parent / "data"


def digits(*, centred: bool = True, normalised: bool = True) -> Dataset:
    """Handwritten digits, 8 x 8 pixels: 1797 images that come with scikit-learn.

    Source: Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI.

    Parameters
    ----------
    centred : bool
        Subtract the mean image, so that correlations between classes are small on average.
    normalised : bool
        Scale each image to unit norm (after centring), as the theory assumes.

    Returns
    -------
    Dataset
        With ``images`` as they were, grey values from 0 to 16. All classes in one superclass.

    Examples
    --------
    >>> from sdbook import datasets
    >>> datasets.digits().features.shape
    (1797, 64)
    """
    from sklearn.datasets import load_digits  # here, because it takes a while

    raw = load_digits()
    features = centre(raw.data) if centred else raw.data
    return Dataset(
        name="digits",
        features=normalise(features) if normalised else features,
        labels=raw.target.astype(np.int64),
        superclasses=np.zeros(10, dtype=np.int64),
        class_names=tuple(str(k) for k in range(10)),
        images=raw.images,
    )


def words(*, centred: bool = True, folder: str | Path | None = None) -> Dataset:
    """Nouns by kind, seen through a language model: 55 classes of 150 in 11 superclasses.

    An instance is a noun with its definition. Its 384 features are what the sentence encoder
    all-MiniLM-L6-v2 makes of the definition, without the noun. Stored features are rounded to 8
    bits; the cosine with what the encoder gave is above 0.9999. Source: WordNet 3.0 (Princeton
    University; licence in ``sdbook/data/LICENSE-WordNet``). A superclass is one of its
    lexicographer files, a class is 150 nouns below one noun.

    Parameters
    ----------
    centred : bool
        Subtract the mean of all instances. Features have unit norm either way.
    folder : str or Path or None
        Where ``words.npz`` and ``words.json`` are, if you built your own with ``tools/words.py``.

    Returns
    -------
    Dataset
        With ``texts`` ("noun: definition") and ``superclass_names``, sorted by class.

    Raises
    ------
    FileNotFoundError
        If the files are not in `folder`.
    ValueError
        If the data are not those that the manifest beside them describes.

    Examples
    --------
    >>> from sdbook import datasets
    >>> data = datasets.words()
    >>> data
    Dataset('words': 8250 instances, 384 features, 55 classes)
    >>> data.superclass_names[1], data.class_names[6]
    ('animal', 'bird')
    """
    path = (DATA if folder is None else Path(folder)) / "words.npz"
    manifest = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != manifest["sha256"]:
        raise ValueError(
            f"{path} must have the SHA-256 of words.json, {manifest['sha256']}, got {found}. "
            "Install sdbook again, or rebuild the file with tools/words.py."
        )
    with np.load(BytesIO(content)) as arrays:
        features = normalise(arrays["features"].astype(np.float64))
        texts = arrays["texts"].tobytes().decode().split("\n")
    names = [name for classes in manifest["superclasses"].values() for name in classes]
    sizes = [len(classes) for classes in manifest["superclasses"].values()]
    return Dataset(
        name="words",
        features=normalise(centre(features)) if centred else features,
        labels=np.repeat(np.arange(len(names)), manifest["per_class"]),
        superclasses=np.repeat(np.arange(len(sizes)), sizes),
        class_names=tuple(names),
        superclass_names=tuple(manifest["superclasses"]),
        texts=tuple(texts),
    )
