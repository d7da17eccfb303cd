"""Who comes into a conversation, who goes, and in which role."""

from __future__ import annotations

from sqlalchemy import select

from models import Participant, User, now_ms
from realtime.catchup import removed_event
from realtime.views import View, participant_view, user_view
from schemas.conversations import AddParticipant, ChangeRole
from schemas.errors import conflict, forbidden, not_found
from services.access import access_participant, check_admin
from services.conversations import admit, change_as_admin, tell_new
from services.work import Change, Work, perform


def add(actor_id: str, conversation_id: str, body: AddParticipant) -> View:
    """Bring a user into a group; any participant may, an admin only by an admin.

    Raises ChatError `not_a_participant`, `forbidden`, `not_found`, `conflict` where they are in already.
    """

    def run(work: Work) -> View:
        change = work.change(conversation_id)
        actor = access_participant(work.session, actor_id, conversation_id)
        if change.row.type == "direct":
            raise forbidden("Nobody can be added to a direct conversation")
        if body.role != "member":
            check_admin(actor, "make somebody an admin")
        user = work.session.get(User, body.user_id)
        if user is None:
            raise not_found("User", "userId")
        present = work.session.get(Participant, (conversation_id, body.user_id))
        if present is not None and present.removed_at is None:
            raise conflict("This user is a participant already", userId="is a participant already")
        participant = admit(work, change, body.user_id, body.role)
        change.event(
            "conversation:participant-added",
            {"participant": user_view(user), "role": body.role},
            to_users=[body.user_id],
        )
        tell_new(work, change, [body.user_id])
        return participant_view(participant, user_view(user))

    return perform(run)


def change_role(actor_id: str, conversation_id: str, user_id: str, body: ChangeRole) -> View:
    """Give a participant another role; `owner`, by the owner only, makes the old owner an admin.

    Raises ChatError `not_a_participant`, `forbidden`, `not_found`.
    """

    def run(work: Work) -> View:
        change, actor = change_as_admin(work, actor_id, conversation_id, "change roles")
        participant = _present(work, conversation_id, user_id)
        if (body.role == "owner" or participant.role == "owner") and actor.role != "owner":
            raise forbidden("Only the owner may hand the conversation over")
        if participant.role == "owner" and body.role != "owner":
            raise forbidden("Hand the conversation over to somebody else first")
        if participant.role != body.role:
            if body.role == "owner":
                _set_role(work, change, actor, "admin")
            _set_role(work, change, participant, body.role)
        return participant_view(participant, user_view(work.session.get_one(User, user_id)))

    return perform(run)


def remove(actor_id: str, conversation_id: str, user_id: str) -> None:
    """Leave (oneself), or put somebody out (by an admin; another admin only by the owner).

    When the owner leaves, the longest-standing admin, or else participant, becomes the owner first: whoever is out
    hears nothing more of the conversation.
    Raises ChatError `not_a_participant`, `forbidden`, `not_found`.
    """

    def run(work: Work) -> None:
        change = work.change(conversation_id)
        actor = access_participant(work.session, actor_id, conversation_id)
        if actor_id != user_id:
            if change.row.type == "direct":
                raise forbidden("Nobody can be removed from a direct conversation")
            check_admin(actor, "remove somebody")
        participant = _present(work, conversation_id, user_id)
        if actor_id != user_id and participant.role != "member" and actor.role != "owner":
            raise forbidden("Only the owner may remove an admin")
        if participant.role == "owner":
            _hand_over(work, change, participant)
        participant.removed_at = now_ms()
        participant.role = "member"
        participant.rev = participant.member_rev = change.row.members_rev = change.next_rev()
        participant.user_rev = work.next_user_rev(user_id)
        change.row.member_count -= 1
        change.packet.events.append(removed_event(participant))
        change.packet.evicted.append(user_id)
        work.session.flush()

    perform(run)


def _present(work: Work, conversation_id: str, user_id: str) -> Participant:
    participant = work.session.get(Participant, (conversation_id, user_id))
    if participant is None or participant.removed_at is not None:
        raise not_found("Participant", "userId")
    return participant


def _set_role(work: Work, change: Change, participant: Participant, role: str) -> None:
    participant.role = role
    participant.rev = participant.member_rev = change.row.members_rev = change.next_rev()
    user = work.session.get_one(User, participant.user_id)
    change.event(
        "conversation:participant-updated",
        {"userId": participant.user_id, "participant": user_view(user), "role": role},
    )


def _hand_over(work: Work, change: Change, owner: Participant) -> None:
    """The owner is leaving: whoever comes next in rank and time is the owner."""
    others = work.session.scalars(
        select(Participant)
        .where(
            Participant.conversation_id == change.row.id,
            Participant.removed_at.is_(None),
            Participant.user_id != owner.user_id,
        )
        .order_by((Participant.role != "admin"), Participant.joined_at, Participant.user_id)
        .limit(1)
    ).all()
    for heir in others:
        _set_role(work, change, heir, "owner")
