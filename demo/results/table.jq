# The records of all runs (an array) -> accuracy.json: a row for each setting and cell, with the rate whose seed 1 had the best validation.
# The paper's columns: arXiv 2212.02046 and the papers it compares with, UCF11, input-to-hidden numbers end to end; null: not known here.
def paper: {
    dense: {accuracy: 0.697, parameters: 58982400}, tt: {accuracy: 0.796, parameters: 3360}, bt: {accuracy: 0.853, parameters: 3392},
    tr: {accuracy: 0.869, parameters: 1725}, ht: {accuracy: 0.872, parameters: 1245}, fdht: {accuracy: null, parameters: null}
};
def range: {n: length, mean: (add / length), min: min, max: max};
def row:
    (map(select(.seed == 1)) | max_by([.validation, -.validation_loss])) as $first
    | map(select(.lr == $first.lr)) | sort_by(.seed)
    | {setting: .[0].setting, cell: .[0].cell, lr: .[0].lr, parameters: .[0].parameters, seeds: map(.seed), test: (map(.test) | range),
       training: (map(.training) | range), validation: (map(.validation) | range), shuffled: (map(.shuffled) | range),
       one_frame: (map(.one_frame) | range), fresh: (map(.fresh) | if any(. == null) then null else
           {clips: .[0].clips, test: (map(.test) | range), shuffled: (map(.shuffled) | range)} end), seconds: (map(.seconds) | add / length), test_clips: .[0].test_clips, clips: .[0].clips,
       epochs: .[0].epochs, teacher: .[0].teacher, commits: (map(.commit) | unique), machines: (map(.machine) | unique),
       paper: paper[.[0].cell]};
def cells: ["fdht", "tt", "ht", "tr", "bt", "dense"];
def order: . as $cell | (cells | index($cell)) // 99;
(group_by([.setting, .cell]) | map(select(any(.seed == 1)) | row)) as $rows
| {schema: "fdht.accuracy/1", records: length,
   rows: ($rows | sort_by([.setting, (.cell | order), .parameters])),
   missing: [("eight", "two", "fashion") as $setting | cells[] | . as $cell
             | select(any($rows[]; .setting == $setting and .cell == $cell) | not) | {setting: $setting, cell: $cell}],
   tries: (map({setting, cell, lr, seed, parameters, epochs, training, validation, test, fresh: .fresh.test, shuffled, teacher, options, commit}) | sort_by([.setting, .cell, .lr, .seed]))}
