"""The two bridges of asgiref, where Aeros had them."""

from asgiref.sync import async_to_sync, sync_to_async

__all__ = ["async_to_sync", "sync_to_async"]
