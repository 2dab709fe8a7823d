"""A feed reader: documents as trees, whose nodes know their parents, read and dropped."""

from __future__ import annotations

from xml.dom.minidom import parseString

ROW = "<item id='{0}'><title>item {0}</title><text>what there is to say of it</text></item>"
for number in range(16):
    rows = "".join(ROW.format(each) for each in range(number, number + 400))
    document = parseString(f"<feed>{rows}</feed>")
    print(sum(len(item.childNodes) for item in document.getElementsByTagName("item")))
