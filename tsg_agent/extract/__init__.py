"""Step 1: from an incident's free text to its parameters, by rules."""

from tsg_agent.extract.extract import extract
from tsg_agent.extract.inputs import Extraction, Given, Moment, Now
from tsg_agent.models import Known

__all__ = ["Extraction", "Given", "Known", "Moment", "Now", "extract"]
