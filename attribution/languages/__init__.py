"""What is known of programming languages: extensions, lexical tables, how to tell them apart."""

from attribution.languages.extensions import language_of
from attribution.languages.language import Language, language_named, language_of_path

__all__ = ["Language", "language_named", "language_of", "language_of_path"]
