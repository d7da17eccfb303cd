"""`/api/users`: the directory and oneself."""

from __future__ import annotations

from flask_openapi3 import APIBlueprint, Tag

from blueprints.requests import me, principal, require_user
from extensions import limiter
from schemas.users import ChangePassword, MeOut, UpdateMe, UserList, UserOut, UserPath, UserSearch
from services import auth, users

api = APIBlueprint("users", __name__, url_prefix="/api/users", abp_tags=[Tag(name="users", description="People")])
api.before_request(require_user)

GUESSES = "10 per minute"


@api.get("", responses={200: UserList})
def search(query: UserSearch) -> dict[str, object]:
    """Users whose name begins so."""
    return users.search(query)


@api.get("/me", responses={200: MeOut})
def get_me() -> dict[str, object]:
    """Oneself."""
    return users.get_me(me())


@api.patch("/me", responses={200: MeOut})
def update_me(body: UpdateMe) -> dict[str, object]:
    """Change one's own entry."""
    return users.update_me(me(), body)


@api.post("/me/password", responses={204: None})
@limiter.limit(GUESSES, key_func=me, deduct_when=lambda response: response.status_code == 401)
def change_password(body: ChangePassword) -> tuple[str, int]:
    """A new password; all other sessions end."""
    auth.change_password(principal(), body)
    return "", 204


@api.get("/<user_id>", responses={200: UserOut})
def get_user(path: UserPath) -> dict[str, object]:
    """Anybody."""
    return users.get_user(path.user_id)
