"""What a person sees in a browser when MLflow lives under a prefix: its own, or one that a proxy strips.

Kubeflow's Central Dashboard shows MLflow in a frame of the same origin.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from ..support.chromium import MENU_BUTTON, open_menu, open_page
from ..support.nginx import stripping_nginx
from ..support.processes import free_port
from ..support.world import World, running_world


@pytest.fixture(scope="module")
def static_prefix(world: World) -> World:
    """``mlflow server --static-prefix``."""
    return world


@pytest.fixture(scope="module")
def stripping_proxy(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """nginx takes the prefix off, as an ingress does."""
    directory, port, backend = tmp_path_factory.mktemp("stripping-proxy"), free_port(), free_port()
    url = f"http://127.0.0.1:{port}/mlflow"
    with (
        stripping_nginx(directory / "nginx", port, "/mlflow", backend),
        running_world(directory, url, backend) as found,
    ):
        yield found


@pytest.fixture(params=["static_prefix", "stripping_proxy"])
def place(request: pytest.FixtureRequest) -> World:
    """Each of the two."""
    found: World = request.getfixturevalue(request.param)
    return found


def open_dashboard(chromium: Browser, place: World) -> Page:
    """A page of another application at the same origin that frames MLflow, as the dashboard does."""
    page = open_page(chromium)
    address = place.origin + "/dashboard"
    frame = (
        f'<!doctype html><title>Dashboard</title><iframe id="mlflow" src="{place.url}/" width=1200 height=800></iframe>'
    )
    page.route(address, lambda route: route.fulfill(content_type="text/html", body=frame))
    page.goto(address)
    return page


def test_from_a_deep_link_through_login_to_the_permissions_page(place: World, chromium: Browser) -> None:
    page = open_page(chromium)
    strays: list[str] = []
    refused = (401, 403, 404)
    page.on("response", lambda got: strays.append(f"{got.status} {got.url}") if got.status in refused else None)
    page.goto(place.url + "/#/models?searchInput=x")
    page.click("#login-button")
    page.get_by_role("button", name="alice@example.com").click()
    page.wait_for_url(place.url + "/#/models?searchInput=x")
    open_menu(page)
    expect(page.locator("#prokube-menu-logout")).to_be_visible()
    expect(page.locator("#prokube-menu-permissions")).to_contain_text("Permissions")
    page.click("#prokube-menu-permissions")
    page.wait_for_url(place.url + "/prokube-auth/permissions*")
    expect(page.locator("#create-key")).to_be_visible()
    assert strays == []


def test_the_external_url_without_a_slash_keeps_the_hash_through_login(place: World, chromium: Browser) -> None:
    page = open_page(chromium)
    page.goto(place.url + "#/models")
    page.click("#login-button")
    page.get_by_role("button", name="bob@example.com").click()
    page.wait_for_url(place.url + "/#/models")
    page.wait_for_selector(MENU_BUTTON)


def test_logging_out_ends_on_a_page_under_the_prefix(place: World, chromium: Browser) -> None:
    page = open_page(chromium)
    page.goto(place.url + "/")
    page.click("#login-button")
    page.get_by_role("button", name="bob@example.com").click()
    open_menu(page)
    page.click("#prokube-menu-logout")
    page.wait_for_url(place.url + "/prokube-auth/logged-out*")
    page.get_by_role("link", name="Log in again").click()
    expect(page.locator("#login-button")).to_be_visible()


def test_login_in_the_dashboards_frame_takes_the_whole_window(place: World, chromium: Browser) -> None:
    page = open_dashboard(chromium, place)
    framed = page.frame_locator("#mlflow")
    framed.locator("#login-button").click()
    # The provider, which refuses to be framed, has the window.
    page.wait_for_url(place.provider.issuer + "/**")
    page.get_by_role("button", name="alice@example.com").click()
    page.wait_for_url(place.url + "/**")
    page.wait_for_selector(MENU_BUTTON)
    assert urlsplit(page.url).path == "/mlflow/"
    # Back at the dashboard, MLflow is logged in within its frame.
    page.goto(place.origin + "/dashboard")
    framed.locator(MENU_BUTTON).wait_for()


def test_logout_in_the_dashboards_frame_takes_the_whole_window(place: World, chromium: Browser) -> None:
    page = open_dashboard(chromium, place)
    framed = page.frame_locator("#mlflow")
    framed.locator("#login-button").click()
    page.get_by_role("button", name="bob@example.com").click()
    page.wait_for_url(place.url + "/**")
    page.goto(place.origin + "/dashboard")
    framed.locator(MENU_BUTTON).click()
    framed.locator("#prokube-menu-logout").click()
    page.wait_for_url(place.url + "/prokube-auth/logged-out*")
