"""Web pages and a JSON interface: human labour, alarms, cycles and versions, read from the books."""
