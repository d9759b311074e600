import os
from ledger import card
def test_dump(everything, books, card_of):
    out='/tmp/w/i7.IYq0/'
    open(out+'card.html','w').write(card.html(everything))
    open(out+'card.md','w').write(card.markdown(everything))
    open(out+'card.svg','w').write(card.badge(everything))
    open(out+'card.json','w').write(card.text(everything))
    import json
    open(out+'tags.json','w').write(json.dumps([card.tags(everything),card.metrics(everything)],indent=1))
