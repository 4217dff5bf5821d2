"""The book's wing: what only the pages of the book need.

`figures` draws, `explore` moves the drawings, `statements` checks every numbered statement,
`checks` checks the reader's answers to exercises, and `glue` puts computed numbers into the text.
Needs the extra ``book``. Nothing in the library imports this.
"""
