"""A synthetic company of any size, the same on each run, for the demo."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

_GIVEN = (
    "Aisha Ben Chloé Dmitri Elif Femi Grace Hiroshi Ines José Kofi Lena Mei Nadia Olu Priya Quentin Rosa Søren Tomás "
    "Uma Viktor Wanjiru Ximena Yusuf Zoë"
).split()
_FAMILY = (
    "Adeyemi Bauer Castro Dubois Eriksen Fischer García Haddad Ivanova Jensen Kowalski Lindqvist Müller Nakamura "
    "O'Brien Patel Quispe Rossi Schmidt Tanaka Usman Vasquez Weber Xu Yılmaz Zhang Okafor Novák Silva"
).split()
DEPARTMENTS = (
    "Accounting Analytics Compliance Data Design Engineering Facilities Finance IT Legal Logistics Marketing Operations "
    "People Procurement Product Research Sales Security Support"
).split()
SITES = ("Amsterdam", "Berlin", "Boston", "Lagos", "London", "Madrid", "Nairobi", "São Paulo", "Singapore", "Tokyo")
_TITLES = ("Analyst", "Associate", "Coordinator", "Director", "Lead", "Manager", "Principal", "Specialist")


@dataclass(frozen=True, slots=True)
class Employee:
    """An employee. `number` counts from 0."""

    number: int
    given_name: str
    family_name: str

    @property
    def user_name(self) -> str:
        """A work address, unique by the number in it."""
        return f"person{self.number + 1:05}@acme.example"

    @property
    def department(self) -> str:
        """The department."""
        return DEPARTMENTS[self.number % len(DEPARTMENTS)]

    @property
    def site(self) -> str:
        """The city of the office."""
        return SITES[self.number // len(DEPARTMENTS) % len(SITES)]

    @property
    def title(self) -> str:
        """The job title."""
        return f"{self.department} {_TITLES[self.number // 7 % len(_TITLES)]}"


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the identity provider, with the people of its department, site and team."""

    display_name: str
    department: str = ""
    site: str = ""
    team: int = 0

    def has(self, employee: Employee) -> bool:
        """Say whether the person is in the group."""
        return (
            self.department in {"", employee.department}
            and self.site in {"", employee.site}
            and (not self.team or employee.number % (self.team + 1) == 0)
        )


def employees(number: int) -> Iterator[Employee]:
    """Yield that many people."""
    for n in range(number):
        yield Employee(n, _GIVEN[n % len(_GIVEN)], _FAMILY[n // 3 % len(_FAMILY)])


def groups(number: int) -> Iterator[Group]:
    """Yield that many groups: the whole company, departments, sites, each department at each site, then teams."""
    yield from islice(_all_groups(), number)


def _all_groups() -> Iterator[Group]:
    yield Group("Everyone")
    yield from (Group(department, department=department) for department in DEPARTMENTS)
    yield from (Group(f"Site {site}", site=site) for site in SITES)
    pairs = [(department, site) for department in DEPARTMENTS for site in SITES]
    yield from (Group(f"{department} {site}", department=department, site=site) for department, site in pairs)
    for team in count(1):
        for department, site in pairs:
            yield Group(f"{department} {site} Team {team}", department=department, site=site, team=team)
