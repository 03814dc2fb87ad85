"""Tests of the dashboard's room."""
