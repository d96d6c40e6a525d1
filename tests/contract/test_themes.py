"""The theme of an organization, which a directory can store or not."""

import pytest

from portal.directory.errors import Conflict, Forbidden, Invalid
from portal.directory.organizations import OrganizationChanges, organization_version
from portal.directory.themes import INHERITED, Theme
from tests.contract.worlds import World, acting, opened

GREEN = Theme("#0f6b47", "large", "humanist", "dark")


def test_a_theme_is_stored_and_reset(world: World) -> None:
    directory = acting(world)
    assert directory.organization.get().settings.theme == INHERITED
    if directory.theme is None:
        with pytest.raises(Invalid):
            directory.organization.update(OrganizationChanges(theme=GREEN))
        return

    directory.theme.change(GREEN)
    assert opened(world).organization.get().settings.theme == GREEN
    assert opened(world, "globex").organization.get().settings.theme == INHERITED

    directory.theme.change(INHERITED)
    assert opened(world).organization.get().settings.theme == INHERITED


@pytest.mark.parametrize(
    ("theme", "part"),
    [
        (Theme(color="#ffd400"), "color"),
        (Theme(color="#0F6B47"), "color"),
        (Theme(color="red"), "color"),
        (Theme(radius="huge"), "radius"),
        (Theme(font="wingdings"), "font"),
        (Theme(color_scheme="sepia"), "color_scheme"),
    ],
)
def test_what_is_not_a_theme_or_cannot_be_read_is_rejected(world: World, theme: Theme, part: str) -> None:
    directory = acting(world)
    if directory.theme is None:
        return

    with pytest.raises(Invalid) as raised:
        directory.theme.change(theme)

    assert raised.value.field == part
    assert opened(world).organization.get().settings.theme == INHERITED


def test_a_member_without_the_permission_changes_nothing(world: World) -> None:
    directory = acting(world, "max@acme.example")
    if directory.theme is None:
        return

    with pytest.raises(Forbidden):
        directory.theme.change(GREEN)

    assert opened(world).organization.get().settings.theme == INHERITED


def test_a_theme_that_changed_in_the_meantime_is_not_replaced(world: World) -> None:
    directory = acting(world)
    if directory.theme is None:
        return
    seen = organization_version(directory.organization.get(), "theme")
    directory.theme.change(GREEN)

    with pytest.raises(Conflict) as raised:
        directory.theme.change(Theme(radius="none"), version=seen)

    assert raised.value.field == "version"
    assert opened(world).organization.get().settings.theme == GREEN
