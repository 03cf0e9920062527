"""How a row becomes an item: request models and files, templates, bodies, custom_ids."""
