"""The languages, as data: keywords, comments, strings, and the words that start an import.

Sources are the languages' own references. Predeclared types (Go's ``string``, C#'s ``int``) count as
keywords, library names do not. Ordinary strings end at the end of their line even where the language lets
them run on: a stray quote in a pattern or in text then harms one line only.
"""

from __future__ import annotations

from attribution.languages.language import Delimiter, Kind, Language


def _line_comment(
    opener: str, *, after_space: bool = False, before_space: bool = False, unless_next: str = ""
) -> Delimiter:
    return Delimiter(
        Kind.LINE_COMMENT, opener, after_space=after_space, before_space=before_space, unless_next=unless_next
    )


def _block_comment(
    opener: str, closer: str, *, nested: bool = False, at_line_start: bool = False
) -> Delimiter:
    return Delimiter(Kind.BLOCK_COMMENT, opener, closer, nested=nested, at_line_start=at_line_start)


def _string(quote: str, *, marker: str = "", escapes: bool = True) -> Delimiter:
    return Delimiter(Kind.STRING, quote, quote, escapes=escapes, one_line=True, marker=marker)


def _long_string(
    opener: str, closer: str, *, marker: str = "", escapes: bool = False, doubled: bool = False
) -> Delimiter:
    return Delimiter(Kind.STRING, opener, closer, escapes=escapes, doubled=doubled, marker=marker)


def _documentation(quotes: str, *, escapes: bool = True) -> Delimiter:
    return Delimiter(Kind.DOCUMENTATION, quotes, quotes, escapes=escapes)


_SLASHES = (_line_comment("//"), _block_comment("/*", "*/"))
_NESTED_SLASHES = (_line_comment("//"), _block_comment("/*", "*/", nested=True))
_DOUBLE = _string('"')
_SINGLE = _string("'")
_CHARACTER = Delimiter(Kind.CHARACTER, "'", "'")
_C_KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline
    int long register restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while bool true false NULL nullptr _Bool _Static_assert _Atomic _Noreturn
    size_t define ifdef ifndef endif undef pragma include elif defined
"""
_JAVASCRIPT_KEYWORDS = """
    async await break case catch class const continue debugger default delete do else export extends
    false finally for from function get if import in instanceof let new null of return set static
    super switch this throw true try typeof undefined var void while with yield
"""

_ALL = (
    Language(
        name="Python",
        keywords="""
            False None True and as assert async await break class continue def del elif else except
            finally for from global if import in is lambda nonlocal not or pass raise return try
            while with yield
        """,
        delimiters=(
            _line_comment("#"),
            _documentation('"""'),
            _documentation("'''"),
            _DOUBLE,
            _SINGLE,
        ),
        imports="import",
        import_declarators="from",
        declared_imports="import",
        import_bracket="(",
        import_bracket_follows="imports",
        prefixes=("r R b B u U f F br bR Br BR rb rB Rb RB fr fR Fr FR rf rF Rf RF t T"),
        format_prefixes="f F fr fR Fr FR rf rF Rf RF t T",
    ),
    Language(
        name="JavaScript",
        keywords=_JAVASCRIPT_KEYWORDS,
        delimiters=(*_SLASHES, _DOUBLE, _SINGLE, _long_string("`", "`", escapes=True, marker="$")),
        imports="import",
        import_declarators="const let var",
        declared_imports="require",
        import_functions="require",
        import_bracket="{",
        import_bracket_follows="words ,",
    ),
    Language(
        name="TypeScript",
        keywords=_JAVASCRIPT_KEYWORDS
        + """
            abstract any as asserts bigint boolean declare enum implements infer interface is keyof
            module namespace never number object out override private protected public readonly
            satisfies string symbol type unique unknown
        """,
        delimiters=(*_SLASHES, _DOUBLE, _SINGLE, _long_string("`", "`", escapes=True, marker="$")),
        imports="import",
        import_declarators="const let var",
        declared_imports="require",
        import_functions="require",
        import_bracket="{",
        import_bracket_follows="words ,",
    ),
    Language(
        name="Java",
        keywords="""
            abstract assert boolean break byte case catch char class const continue default do
            double else enum extends false final finally float for goto if implements import
            instanceof int interface long native new null package permits private protected public
            record return sealed short static strictfp super switch synchronized this throw throws
            transient true try var void volatile while yield
        """,
        delimiters=(*_SLASHES, _documentation('"""'), _DOUBLE, _CHARACTER),
        imports="import package",
    ),
    Language(
        name="C",
        keywords=_C_KEYWORDS,
        delimiters=(*_SLASHES, _DOUBLE, _CHARACTER),
        imports="include import",
        prefixes="L u U u8",
    ),
    Language(
        name="C++",
        keywords=_C_KEYWORDS
        + """
            alignas alignof and and_eq asm bitand bitor catch char8_t char16_t char32_t class
            co_await co_return co_yield compl concept const_cast consteval constexpr constinit
            decltype delete dynamic_cast explicit export final friend mutable namespace new noexcept
            not not_eq operator or or_eq override private protected public reinterpret_cast requires
            static_assert static_cast std template this thread_local throw try typeid typename using
            virtual wchar_t xor xor_eq
        """,
        delimiters=(*_SLASHES, _DOUBLE, _CHARACTER),
        imports="include import using",
        prefixes="L u U u8 R LR uR UR u8R",
        paren_prefixes="R LR uR UR u8R",
    ),
    Language(
        name="Objective-C",
        keywords=_C_KEYWORDS
        + """
            id self super nil Nil YES NO BOOL SEL IMP instancetype interface implementation protocol
            end property synthesize dynamic selector encode autoreleasepool try catch finally throw
            class optional required nonatomic strong weak copy assign retain readonly readwrite
        """,
        delimiters=(*_SLASHES, _DOUBLE, _long_string('@"', '"', escapes=True), _CHARACTER),
        imports="include import",
    ),
    Language(
        name="Go",
        keywords="""
            break case chan const continue default defer else fallthrough for func go goto if import
            interface map package range return select struct switch type var
        """,
        delimiters=(*_SLASHES, _DOUBLE, _CHARACTER, _long_string("`", "`")),
        imports="import package",
        import_bracket="(",
        import_bracket_follows="imports",
    ),
    Language(
        name="Rust",
        keywords="""
            as async await break const continue crate dyn else enum extern false fn for if impl in
            let loop match mod move mut pub ref return self Self static struct super trait true type
            union unsafe use where while
        """,
        delimiters=(*_NESTED_SLASHES, _DOUBLE, _CHARACTER),
        imports="use",
        import_declarators="extern",
        declared_imports="crate",
        import_modifiers="pub",
        import_bracket="{",
        import_bracket_follows="imports :",
        prefixes="b c r br cr",
        hash_prefixes="r br cr",
    ),
    Language(
        name="C#",
        keywords="""
            abstract as async await base bool break byte case catch char checked class const
            continue decimal default delegate do double else enum event explicit extern false
            finally fixed float for foreach get goto if implicit in init int interface internal is
            lock long nameof namespace new null object operator out override params partial private
            protected public readonly record ref required return sbyte sealed set short sizeof
            stackalloc static string struct switch this throw true try typeof uint ulong unchecked
            unsafe ushort using value var virtual void volatile when where while yield region
            endregion
        """,
        delimiters=(
            *_SLASHES,
            _long_string('"""', '"""'),
            _long_string('@"', '"', doubled=True),
            _long_string('$@"', '"', doubled=True, marker="{"),
            _long_string('@$"', '"', doubled=True, marker="{"),
            Delimiter(Kind.STRING, '$"', '"', escapes=True, one_line=True, marker="{"),
            _DOUBLE,
            _CHARACTER,
        ),
        imports="using",
        import_modifiers="global",
        imports_aliases=True,
    ),
    Language(
        name="PHP",
        keywords="""
            abstract and array as bool break callable case catch class clone const continue declare
            default do echo else elseif empty enddeclare endfor endforeach endif endswitch endwhile
            enum exit extends false final finally fn float for foreach function global goto if
            implements include include_once instanceof insteadof int interface isset iterable list
            match mixed namespace new null object or parent php print private protected public
            readonly require require_once return self static string switch this throw trait true try
            unset use var void while xor yield
        """,
        delimiters=(
            *_SLASHES,
            _line_comment("#", unless_next="["),
            _string('"', marker="$"),
            _SINGLE,
        ),
        imports="use require require_once include include_once namespace",
        import_functions="require require_once include include_once",
        import_bracket="{",
        import_bracket_follows="\\",
    ),
    Language(
        name="Ruby",
        keywords="""
            alias and attr_accessor attr_reader attr_writer begin break case class def defined do
            else elsif end ensure extend false for if in include lambda loop module new next nil not
            or prepend private proc protected public puts raise redo require require_relative rescue
            retry return self super then true undef unless until when while yield
        """,
        delimiters=(
            _line_comment("#", after_space=True),
            _block_comment("=begin", "=end", at_line_start=True),
            _string('"', marker="#"),
            _SINGLE,
        ),
        imports="require require_relative",
        import_functions="require require_relative",
    ),
    Language(
        name="Shell",
        keywords="""
            if then else elif fi for while until do done case esac in function select time return
            exit break continue local declare typeset readonly export unset shift eval exec set trap
            source echo printf test read cd true false
        """,
        delimiters=(
            _line_comment("#", after_space=True),
            _string('"', marker="$"),
            _string("'", escapes=False),
        ),
        imports="source",
    ),
    Language(
        name="Kotlin",
        keywords="""
            abstract actual annotation as break by catch class companion const constructor continue
            crossinline data do else enum expect external false final finally for fun get if import
            in infix init inline inner interface internal is it lateinit lazy null object open
            operator out override package private protected public reified return sealed set super
            suspend tailrec this throw true try typealias val var vararg when where while Boolean
            Byte Char Double Float Int Long Short String Unit Any
        """,
        delimiters=(
            *_NESTED_SLASHES,
            _documentation('"""', escapes=False),
            _string('"', marker="$"),
            _CHARACTER,
        ),
        imports="import package",
    ),
    Language(
        name="Swift",
        keywords="""
            actor any as associatedtype async await break case catch class continue convenience
            default defer deinit do dynamic else enum extension fallthrough false fileprivate final
            for func get guard if import in indirect init inout internal is lazy let mutating nil
            nonmutating open operator optional override private protocol public repeat required
            rethrows return self Self set some static struct subscript super switch throw throws
            true try typealias unowned var weak where while Bool Double Float Int String
        """,
        delimiters=(*_NESTED_SLASHES, _documentation('"""'), _DOUBLE),
        imports="import",
    ),
    Language(
        name="Scala",
        keywords="""
            abstract case catch class def derives do else end enum export extends extension false
            final finally for forSome given if implicit import inline lazy match new null object
            opaque open override package private protected return sealed super then this throw trait
            true try type using val var while with yield Any Boolean Byte Char Double Float Int Long
            Nothing Option Seq Short Some String Unit
        """,
        delimiters=(*_NESTED_SLASHES, _documentation('"""', escapes=False), _DOUBLE, _CHARACTER),
        imports="import package",
        import_bracket="{",
        import_bracket_follows=".",
        imports_aliases=True,
    ),
    Language(
        name="Lua",
        keywords="""
            and break do else elseif end false for function goto if in local nil not or repeat
            return then true until while self
        """,
        delimiters=(
            _line_comment("--"),
            _block_comment("--[[", "]]"),
            _block_comment("--[=[", "]=]"),
            _long_string("[[", "]]"),
            _long_string("[=[", "]=]"),
            _DOUBLE,
            _SINGLE,
        ),
        imports="require",
        import_declarators="local",
        declared_imports="require",
        import_functions="require",
    ),
    Language(
        name="Perl",
        keywords="""
            and chomp cmp defined delete die do each else elsif eq exists exit for foreach ge given
            gt if join keys last le local lt map my ne next no not or our package pop print printf
            push q qq qr qw redo ref require return shift sort splice split state sub undef unless
            unshift until use values wantarray warn when while x xor
        """,
        delimiters=(
            _line_comment("#", after_space=True),
            *(
                _block_comment(opener, "\n=cut", at_line_start=True)
                for opener in ("=pod", "=head", "=over", "=item", "=begin", "=for", "=encodin")
            ),
            _string('"', marker="$"),
            _SINGLE,
        ),
        imports="use require package no",
        import_functions="require",
        import_bracket="(",
        import_bracket_follows="words",
        imports_aliases=True,
    ),
    Language(
        name="SQL",
        keywords="""
            add all alter and any as asc begin between bigint boolean by cascade case cast char
            check coalesce column commit constraint count create cross current_timestamp cursor
            database date declare default delete desc distinct drop else end except exec execute
            exists false fetch foreign from full function grant group having if in index inner
            insert int integer intersect interval into is join key left like limit max min not null
            numeric offset on or order outer over partition primary procedure references replace
            return returns revoke right rollback row rows schema select sequence set sum table
            temporary text then timestamp to transaction trigger true truncate union unique update
            using values varchar view when where while with
        """,
        delimiters=(_line_comment("--"), _block_comment("/*", "*/"), _string("'", escapes=False), _DOUBLE),
        ignores_case=True,
    ),
)

TABLES = {language.name: language for language in _ALL}
"""Tables by the name that the extension table has for a language."""

ALIASES = {
    "Cuda": "C++",
    "Cython": "Python",
    "Jupyter Notebook": "Python",
    "Metal": "C++",
    "Svelte": "TypeScript",
    "Vue": "TypeScript",
}
"""Languages that are lexed like another."""

GENERIC = Language(
    name="generic",
    keywords="""
        abstract and as async await begin bool boolean break byte case catch char class const
        continue def default define delete do double else elif elseif elsif end enum except export
        extends extern false False final finally float fn for foreach from func function go goto if
        impl implements import in include int interface is lambda let library local long loop match
        mod module mut namespace new nil None not null of operator or override package pass print
        private proc protected public raise record require rescue return self short static string
        String struct sub super switch template then this throw throws trait true True try type
        typedef typeof undef union unless unsigned until use using val var virtual void volatile
        when where while with yield
    """,
    delimiters=(
        _block_comment("/*", "*/"),
        _line_comment("//", after_space=True),
        _line_comment("#", after_space=True, before_space=True),
        _line_comment("--", after_space=True, before_space=True),
        _DOUBLE,
        _SINGLE,
    ),
    imports="import include require use using package",
    imports_brackets=True,
)
"""For every other language: what means the same nearly everywhere."""
