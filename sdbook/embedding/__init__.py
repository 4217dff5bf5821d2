"""Features of your own texts and images, from any Hugging Face model (extra ``features``).

`embed_texts` and `embed_images` run a fixed model over your data, in batches, and return what a
linear probe needs: one unit vector per instance. With ``folder=`` each finished batch is kept, so
that an interrupted run goes on where it stopped.
"""

try:
    from sdbook.embedding.images import embed_images
    from sdbook.embedding.texts import embed_texts
except ImportError as error:
    raise ImportError(
        f"sdbook.embedding needs {error.name}, which is not installed: "
        "pip install 'sdbook[features]'"
    ) from error

__all__ = ["embed_images", "embed_texts"]
