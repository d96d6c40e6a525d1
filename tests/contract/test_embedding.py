"""Embedding: what only some directories have, and what an acting member's permissions mean in all of them."""

from dataclasses import replace

from portal.directory.embedding import Origins
from portal.directory.frames import EmbedArea, Embedding
from portal.directory.step_up import proof_is_recent
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting, opened

FRAME = Embedding("embed-ticket-live-1", (EmbedArea.SCIM,), "https://app.example.com")


@STYTCH_ONLY
def test_stytch_has_no_frames(world: World) -> None:
    assert opened(world).embedding is None
    assert acting(world).embedding is None


@EMBEDDED_ONLY
def test_anyone_reads_the_origins(world: World) -> None:
    """They are in the header of every page, even of a visitor's."""
    for directory in (opened(world), acting(world, "max@acme.example")):
        assert directory.embedding is not None
        assert directory.embedding.origins() == Origins((), ())


def test_a_session_of_a_frame_is_never_a_recent_proof(world: World) -> None:
    signed_in = opened(world).sessions.sign_in(
        email_address="ada@acme.example", password="correct horse battery staple"
    )

    assert signed_in.session.embedding is None
    assert proof_is_recent(signed_in.session)
    assert not proof_is_recent(replace(signed_in.session, embedding=FRAME))
