"""What mkdocs.yml cannot say: pages made of files outside docs/, their links, and no request to another host."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

ROOT = Path(__file__).resolve().parents[1]
# Pages of files that GitHub shows elsewhere than in docs/: no text stands twice.
PAGES = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "benchmarks.md": "benchmarks/README.md",
}
SOURCES = "source"  # the folder of the site that holds other files that a page links to
LINK = re.compile(r"(?P<text>!?\[[^\]]*\])\((?P<target>(?!\w+:|#)[^)#\s]+)(?P<anchor>#[^)\s]+)?\)")
# What a browser loads by itself; links that people follow may lead anywhere.
LOADS = re.compile(r"<(?:script|img|iframe|link(?![^>]*canonical))\b[^>]*(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)")


def on_config(config: MkDocsConfig) -> None:
    """Make anchors of headings as GitHub does."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add :data:`PAGES`, and the files outside docs/ that pages link to."""
    for page, source in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    for page in list(files.documentation_pages()):
        for link in LINK.finditer(page.content_string):
            name = _in_repository(page.src_uri, link["target"])
            uri = _uri(name)
            if uri.startswith(f"{SOURCES}/") and (ROOT / name).is_file() and files.get_file_from_path(uri) is None:
                files.append(File.generated(config, uri, abs_src_path=str(ROOT / name)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point the links at the site's files. A folder that is no page is named, not linked."""
    here = page.file.src_uri

    def pointed(link: re.Match[str]) -> str:
        name = _in_repository(here, link["target"])
        if (ROOT / name).is_dir():
            return link["text"][1:-1]
        uri = posixpath.relpath(_uri(name), posixpath.dirname(here) or ".")
        return f"{link['text']}({uri}{link['anchor'] or ''})"

    return LINK.sub(pointed, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> None:
    """Refuse a page that would load something from another host.

    Raises :class:`PluginError`, which ends the build.
    """
    if loads := LOADS.findall(output):
        raise PluginError(f"{page.file.src_uri} loads {', '.join(loads)}: serve it from docs/ or leave it out.")


def _in_repository(page: str, target: str) -> str:
    """The path from the repository's root of what a page links to."""
    source = PAGES.get(page, f"docs/{page}")
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def _uri(name: str) -> str:
    """The path in the site of a file of the repository."""
    for page, source in PAGES.items():
        if name == source:
            return page
    return name.removeprefix("docs/") if name.startswith("docs/") else f"{SOURCES}/{name}"
