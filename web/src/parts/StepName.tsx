/** An id whose number in a for_each stays to be seen, however little room there is. */
export function StepName({ id }: { id: string }) {
  const cut = id.endsWith("]") ? id.lastIndexOf("[") : id.length;
  return (
    <span class="step-name">
      <span>{id.slice(0, cut)}</span>
      {id.slice(cut)}
    </span>
  );
}
