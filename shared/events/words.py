"""What a text in an event may be: every one is bounded and of a known kind, for what is public holds no free text."""

from typing import Annotated

from msgspec import Meta

Code = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/ -]{0,127}$")]
"""A word of ours or an id of the policy pack."""
Named = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,256}$")]
"""A name that a source or a pack chose: no control characters, and no room for a narrative."""
Actor = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,256}$")]
"""A staff id, or several with commas between."""
EventId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:/-]{1,128}$")]
Source = Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,256}$")]
Moment = Annotated[str, Meta(pattern=r"^[0-9T:.,Z+-]{10,40}$")]
"""A day or an instant as it was sent."""
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Signature = Annotated[str, Meta(pattern=r"^([0-9a-f]{128})?$")]
Pointer = Annotated[str, Meta(pattern=r"^(/[^\x00-\x1f\x7f]*)?$", max_length=1_000)]
"""A JSON Pointer into what was sent."""
Sentence = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=1_000)]
"""One of our templates, which never quote a value."""
