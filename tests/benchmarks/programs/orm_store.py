"""A database layer at work: SQLAlchemy's ORM writes, reads and changes objects.

Objects and their states refer to one another through the session; each batch
of them dies when its session does.
"""

from __future__ import annotations

from random import Random

from command import run
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
)

BATCHES = 30
AUTHORS = 120
MOST_BOOKS = 16  # of an author


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    batch: Mapped[int] = mapped_column(index=True)
    books: Mapped[list[Book]] = relationship(back_populates="author")


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    pages: Mapped[int]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"), index=True)
    author: Mapped[Author] = relationship(back_populates="books")


def write(session: Session, batch: int, choice: Random) -> None:
    for number in range(AUTHORS):
        written = range(choice.randint(0, MOST_BOOKS))
        books = [Book(title=f"title {number} {each}", pages=each * 10) for each in written]
        session.add(Author(name=f"author {number}", batch=batch, books=books))
    session.commit()


def change(session: Session, batch: int) -> None:
    wanted = select(Author).where(Author.batch >= batch - 2).options(selectinload(Author.books))
    for author in session.scalars(wanted):
        author.name = f"{author.name}, again"
        for book in author.books:
            book.pages += len(book.author.books)
    session.commit()


def main(scale: float, seed: int) -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    choice = Random(seed)
    for batch in range(max(1, round(BATCHES * scale))):
        with Session(engine) as session:
            write(session, batch, choice)
        with Session(engine) as session:
            change(session, batch)


if __name__ == "__main__":
    run(main)
