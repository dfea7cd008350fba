"""Which plan a request gets: the one it brings, or the first that a planner offers. Rule: linted, not run."""

from __future__ import annotations

from dataclasses import replace

from ..errors import InputError, PlanError, UsageError
from .active import Request
from .intake.reception import Reception, advice
from .planning.findings import Finding
from .planning.plan import Plan, Step
from .planning.planner import Goal, Planner, Proposal
from .running.run import Services


class Proposals:
    """Asks the planners in order; `reception` answers what needs no plan."""

    def __init__(self, services: Services, planners: list[Planner], reception: Reception) -> None:
        self.services = services
        self.planners = planners
        self.reception = reception

    async def propose(self, request: Request) -> Proposal:
        """A linted plan for a request, whole or still streaming.

        Raises:
            UsageError: no goal, no planner with an offer, or several near playbooks.
            InputError: an input is missing.
            PlanError: the plan has faults; `findings` names each.
        """
        proposal = await self._proposal(request)
        config = self.services.config
        is_awaited = request.begun is not None or config.execution.plan_approval or not config.features.plan_streaming
        if proposal.stream is not None and is_awaited:
            steps = (*proposal.plan.steps, *[step async for step in proposal.stream])
            whole = with_steps(proposal.plan, steps, getattr(proposal.stream, "answer", None))
            proposal = replace(proposal, plan=whole, stream=None)
        if proposal.stream is None:
            await self.services.registry.prepare(step.action for step in proposal.plan.steps)
            self.check(proposal.plan)
        return proposal

    async def _proposal(self, request: Request) -> Proposal:
        if request.plan is not None:
            given = {**request.plan.inputs, **request.inputs}
            return Proposal(plan=replace(request.plan, inputs=given), source="plan")
        if not request.goal.strip() and request.playbook is None:
            raise UsageError('expected a goal in words, got nothing; try: planloom run "Report on the folder ."')
        begun = request.begun.steps if request.begun is not None else ()
        goal = Goal(text=request.goal, inputs=request.inputs, playbook=request.playbook, begun=begun)
        if request.playbook is None and (answered := await self.reception.answer(request.goal)) is not None:
            return answered
        refusal: UsageError | None = None
        is_known = False
        for planner in self.planners:
            if getattr(planner, "reads_more", False):
                if request.playbook is not None:
                    continue  # a playbook was named: nothing else may plan in its place
                goal, is_known = goal if is_known else await self.reception.known(goal), True
            try:
                proposal = await planner.propose(goal)
            except InputError:
                raise
            except UsageError as error:
                refusal = refusal or error
                continue
            if proposal is not None:
                return proposal
        refusal = refusal or UsageError(f"expected a goal some planner can plan, got {request.goal!r}")
        if request.playbook is None and (told := advice(self.services.config.models)):
            raise UsageError(f"{refusal}\n{told}") from refusal
        raise refusal

    def check(self, plan: Plan) -> list[Finding]:
        """The lint notes of a plan.

        Raises:
            PlanError: the plan has errors.
        """
        from .planning.lint import lint

        registry = self.services.registry
        findings = lint(plan, registry.find, names=registry.names, max_steps=self.services.config.execution.max_steps)
        errors = [f for f in findings if f.severity == "error"]
        if errors:
            told = "\n".join(f"  {finding}" for finding in errors[:20])
            raise PlanError(f"the plan has {len(errors)} error{'s' * (len(errors) > 1)}:\n{told}", errors)
        return findings


def with_steps(plan: Plan, steps: tuple[Step, ...], answer: str | None) -> Plan:
    """The plan with the steps that were streamed, and their answer's template if it has none of its own."""
    return replace(plan, steps=steps, answer=plan.answer if plan.answer is not None else answer)
