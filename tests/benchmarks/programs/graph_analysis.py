"""A graph library at work: networkx builds a growing graph and analyses it.

Millions of dictionaries that live to the end, and hardly any garbage.
"""

from __future__ import annotations

import networkx as nx
from command import run

NODES = 60_000
FEWEST_EDGES = 3  # a node, and up to two more by seed


def main(scale: float, seed: int) -> None:
    nodes = max(10, round(NODES * scale))
    graph = nx.barabasi_albert_graph(nodes, FEWEST_EDGES + seed % 3, seed=seed)
    nx.set_edge_attributes(graph, {edge: sum(edge) % 13 + 1 for edge in graph.edges}, "weight")
    directed = graph.to_directed()
    tree = nx.minimum_spanning_tree(graph)
    nx.single_source_dijkstra(directed, 0)
    nx.core_number(graph)
    list(nx.weakly_connected_components(directed))
    nx.bfs_tree(tree, 0)


if __name__ == "__main__":
    run(main)
