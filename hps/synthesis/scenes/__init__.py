"""What a data set shows, as data: tables of people, scenes, actors, things and cameras."""
