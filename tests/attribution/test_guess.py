"""Snippets without a file name: the language they are most likely in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.languages.guess import guess_language

SNIPPETS = {
    "Python": """\
import os

def f(self, x=None):
    if x is None:
        return self.y
    for a in b:
        pass
""",
    "Go": """\
package main

func main() {
	x, err := f()
	if err != nil {
		return nil, err
	}
}
""",
    "Rust": """\
pub fn f(&self, x: &str) -> Result<u8> {
    let mut y = vec![];
    match x { Some(z) => Ok(()) }
}
""",
    "Java": """\
public class A {
  private final String b;
  @Override public void c() throws IOException {}
}
""",
    "Ruby": """\
class A
  def initialize(b)
    @b = b
  end

  def c?
    @b.each do |x|
    end
  end
end
""",
    "PHP": """\
<?php
class A {
  public function b() { return $this->c; }
}
""",
    "Shell": """\
#!/bin/sh
if [ -z "$1" ]; then
  echo no
  exit 1
fi
""",
    "Lua": """\
local a = require('b')
local function c(x)
  if x == nil then return end
end
""",
}


@pytest.mark.parametrize("name", sorted(SNIPPETS))
def test_snippets_of_a_few_lines_are_recognised(name: str) -> None:
    assert guess_language(SNIPPETS[name].encode()).name == name


def test_real_python_files_are_recognised(stdlib: Path) -> None:
    files = [path.read_bytes() for path in sorted(stdlib.glob("*.py"))[::4]]
    right = sum(guess_language(content).name == "Python" for content in files)
    assert right >= 0.95 * len(files)


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"zzz qqq\n", b"\xff" * 100])
def test_what_says_nothing_is_generic(content: bytes) -> None:
    assert guess_language(content).name == "generic"


@given(st.binary(max_size=300))
def test_any_bytes_get_a_language(content: bytes) -> None:
    assert guess_language(content).name
