#!/usr/bin/env python3
"""Clips per second and processor time a clip: videos through `fdht infer`, beside ffmpeg's decoding of all of them through a pipe.

    tests/bench/clips.py [FDHT [CLIPS [FRAMES [ROUNDS]]]]

Makes CLIPS H.264 files of 160x120 (by ffmpeg) in a temporary folder; the contestants take turns. "fdht": the files by name, decoded in
child processes; "--trust": decoded in the process itself; "pipe": one ffmpeg for all files, which is its cheapest way; "ffmpeg each": one
a file, into one fdht. Processor time is of all processes. Figures count on a quiet machine only."""
import os, resource, statistics, subprocess, sys, tempfile, time

fdht = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "./fdht")
clips, frames, rounds = [int(sys.argv[i]) if len(sys.argv) > i else d for i, d in ((2, 200), (3, 50), (4, 5))]


def cpu():
    r = resource.getrusage(resource.RUSAGE_CHILDREN)
    return r.ru_utime + r.ru_stime


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    os.mkdir("v")
    for k in range(min(clips, 20)):
        subprocess.run(f"ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=160x120:r=25,rotate={k}*PI/10 -frames:v {frames} "
                       f"-pix_fmt yuv420p -c:v libx264 v/{k:04}.mp4", shell=True, check=True)
    for k in range(20, clips):
        os.link(f"v/{k % 20:04}.mp4", f"v/{k:04}.mp4")
    with open("list", "w") as f:
        f.writelines(f"file '{folder}/v/{k:04}.mp4'\n" for k in range(clips))
    # a model of the preset clips-fdht that was not trained
    subprocess.run(f"head -c {8 * 57600} /dev/urandom > x.raw; head -c {8 * 57600} /dev/urandom > y.raw; printf 'clip,label\nx.raw,a\ny.raw,b\n' > t; "
                   f"{fdht} pack -q -o d.h5 --raw rgb24 --size 160x120 x.raw y.raw --labels t > pack.txt && "
                   f"{fdht} train d.h5 -q -o m.h5 --preset clips-fdht --epochs 0 > train.txt", shell=True, check=True)
    decode = "ffmpeg -nostdin -v error -f concat -safe 0 -i list -f yuv4mpegpipe -"
    ways = {
        "fdht": f"{fdht} infer m.h5 v",
        "--trust": f"{fdht} infer m.h5 v --trust",
        "pipe": f"{decode} | {fdht} infer m.h5 - --clip-frames {frames}",
        "ffmpeg each": f"for f in v/*; do ffmpeg -nostdin -v error -i $f -f yuv4mpegpipe -; done | {fdht} infer m.h5 -",
    }
    wall, used = {w: [] for w in ways}, {w: [] for w in ways}
    for _ in range(rounds):
        for way, line in ways.items():
            t, c = time.time(), cpu()
            out = subprocess.run(["bash", "-c", "set -o pipefail; " + line], capture_output=True, text=True)
            wall[way].append(time.time() - t)
            used[way].append(cpu() - c)
            if out.returncode or out.stdout.count("\n") != clips or '"error"' in out.stdout:
                sys.exit(f"{way}: status {out.returncode}, {out.stdout.count(chr(10))} records: {out.stderr[:300]}")
    print(f"{clips} clips of {frames} frames 160x120, {rounds} rounds, {os.cpu_count()} processors; medians (best)")
    for way in ways:
        w, u = wall[way], used[way]
        print(f"{way:12} {clips / statistics.median(w):8.1f} clips/s ({clips / min(w):.1f})   "
              f"{1e3 * statistics.median(u) / clips:6.2f} ms of processor time a clip ({1e3 * min(u) / clips:.2f})")
