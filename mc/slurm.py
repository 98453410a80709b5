"""A batch on Slurm: one script that queues its parts as a job array and, behind them, the merge."""

import json
import re
import shlex
import shutil
import subprocess
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from mc.batch import RECORD, Batch, Needs, begin, of_merge, of_task, record, write
from mc.errors import InputError

SCRIPT = "submit.sh"

TEMPLATE = """\
#!/bin/bash
# {title}
# {command}
# On a machine with Slurm: bash {script}
set -eu
mkdir -p {folder}
parts=
{parts}
# The merge starts when no part is left, also where one failed: it then names the draws that are missing.
merge=$(sbatch --parsable ${{parts:+"--dependency=afterany:$parts"}} <<'MERGE'
#!/bin/bash
{merge_options}
{merge} || {{
  code=$?
  echo {again} >&2
  exit $code
}}
MERGE
) || {{
  if [ -n "$parts" ]; then scancel "$parts"; fi
  exit 1
}}
echo "$parts ${{merge%%;*}}"
"""

PARTS = """\
parts=$(sbatch --parsable <<'PARTS'
#!/bin/bash
{options}
echo "part $SLURM_ARRAY_TASK_ID/{tasks} on $(hostname), $(date -u +%FT%TZ), restart ${{SLURM_RESTART_COUNT:-0}}"
# exec: SIGTERM reaches the run itself, which saves its state; after a restart it goes on from there.
exec {task}
PARTS
)
parts=${{parts%%;*}}"""


def script(batch: Batch) -> str:
    """A script for bash that queues what is missing of a batch, and its merge."""
    states = f"{shlex.quote(f'{batch.stem}.part-')}*{shlex.quote(f'-of-{batch.tasks}.state')}"
    return TEMPLATE.format(
        title=f"{batch.run.file.name} in {batch.tasks} parts, and their merge",
        command=_one_line(batch.command),
        script=SCRIPT,
        folder=shlex.quote(str(batch.folder)),
        parts=_parts(batch) if batch.missing else "# Every part is drawn.",
        merge_options=_options(batch, f"{batch.stem.name}-merge", "merge.log", replace(batch.needs, gpus=0)),
        merge=f"{shlex.join(of_merge(batch))} {states}",
        again=shlex.quote(f"the same command draws what is missing, and only that: {_one_line(batch.command)}"),
    )


def _parts(batch: Batch) -> str:
    """The job array; Slurm fills in the number of a task where it reads `%2a`."""
    log = f"{_literal(batch.stem.name)}.part-%{len(str(batch.tasks))}a-of-{batch.tasks}.log"
    throttle = f"%{batch.needs.at_once}" if batch.needs.at_once else ""
    number = "$SLURM_ARRAY_TASK_ID"
    words = of_task(batch, number)
    array = f"#SBATCH --array={_ranges(batch.missing)}{throttle}"
    return PARTS.format(
        options=f"{_options(batch, batch.stem.name, log, batch.needs)}\n{array}",
        tasks=batch.tasks,
        task=" ".join(f'"{word}"' if word.startswith(number) else shlex.quote(word) for word in words),
    )


def queue(batch: Batch) -> dict[str, str]:
    """Queue a batch; returns the numbers of its jobs, `parts` (unless all are drawn) and `merge`."""
    _refuse_queued(batch.folder)
    begin(batch)
    file = batch.folder / SCRIPT
    write(file, script(batch))
    done = subprocess.run(["bash", file], capture_output=True, text=True, env=batch.environment, check=False)
    found = re.fullmatch(r"(\d*) (\d+)\n", done.stdout)
    if done.returncode != 0 or found is None:
        raise InputError(f"Slurm refused {file}: {_one_line(done.stderr or done.stdout)}")
    jobs = {name: job for name, job in zip(("parts", "merge"), found.groups(), strict=True) if job}
    record(batch, jobs)
    return jobs


def _refuse_queued(folder: Path) -> None:
    """InputError where the jobs that a batch became before are still queued or running."""
    jobs: list[str] = []
    with suppress(OSError, ValueError, AttributeError):
        jobs = list(json.loads((folder / RECORD).read_text(encoding="utf-8"))["jobs"].values())
    if not jobs or shutil.which("squeue") is None:
        return
    asked = ["squeue", "--noheader", "--format=%i", f"--jobs={','.join(jobs)}"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    if found:
        raise InputError(
            f"{folder}: is in the queue already, as job {', '.join(found)}; wait, or: scancel {' '.join(jobs)}"
        )


def _options(batch: Batch, name: str, log: str, needs: Needs) -> str:
    """The lines by which a job says what it wants; a job that is started again goes on in its log."""
    wanted = {
        "--job-name": name,
        "--output": f"{_literal(str(batch.folder))}/{log}",
        "--open-mode": "append",
        "--chdir": str(Path.cwd()),
        "--nodes": 1,
        "--ntasks": 1,
        "--cpus-per-task": needs.cpus,
        "--gres": f"gpu:{needs.gpus}" if needs.gpus else None,
        "--mem": needs.memory,
        "--time": needs.time,
        "--partition": needs.partition,
    }
    stated = [f"{option}={shlex.quote(str(value))}" for option, value in wanted.items() if value]
    return "\n".join(f"#SBATCH {line}" for line in (*stated, "--requeue", *needs.more))


def _ranges(numbers: tuple[int, ...]) -> str:
    """Numbers as Slurm writes an array: `1-3,7`."""
    starts = [at for at, number in enumerate(numbers) if at == 0 or number != numbers[at - 1] + 1]
    runs = [numbers[low:high] for low, high in pairwise([*starts, len(numbers)])]
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _literal(text: str) -> str:
    """A text in which Slurm fills in nothing."""
    return text.replace("%", "%%")


def _one_line(text: str) -> str:
    return " ".join(text.split())
