// What `convkit extract --help` prints.

export const help = `convkit extract <files, folders, patterns> -o features.npy [options]

Turns every image into one row of features. Without --model by the built-in scattering network, which needs no download
and no training: images that look alike get rows that are near. With --model by a layer of a published network and its
weights. Folders are searched recursively for PNG, JPEG, WebP, TIFF, GIF and AVIF files; patterns know * ? [a-z] {a,b}
and **. Needs sharp: npm install sharp

  -o, --output <path>    where the rows go; - for standard output (jsonl only)
  --format <npy|jsonl>   npy: a float32 matrix (the default unless the output ends in .jsonl); jsonl: one object a line
  --manifest <path>      what made the rows, which row is which file, what failed
                         (default: features.manifest.json for features.npy; none for -o -)
  --l2                   divide each row by its Euclidean length

A network:
  -m, --model <name>     torchvision's name, as resnet50 or mobilenet_v2 (convkit extract --models lists them);
                         or a file model.onnx, which has its weights
  -w, --weights <path>   .safetensors (or the index of its shards), .pth or .pt
  --random-weights <n>   no weights but random ones from seed n, for a try
  --num-classes <n>      of weights that were trained for other classes than ImageNet's 1000
  -l, --layer <path>     whose output is a row, by its module path, as avgpool, layer4.2 or features.18;
                         default output, the network's own. Paths: convkit summary resnet50
  --preset <name>        how photos are prepared: torchvision-v1, torchvision-v2 or timm, by what the weights are; default
                         torchvision-v2 where the weights have the name of such a file, else the first that there is
  --resize <n>  --crop <n>  --mean <r,g,b>  --std <r,g,b>  --interpolation <bilinear|bicubic>
                         one of these otherwise: the shorter side, the middle that is kept, statistics between 0 and 1
  --decode <full|scaled> full, the default: every pixel, resized as Pillow does it, the same rows on every machine;
                         scaled: the decoder scales JPEG files down that are 3 times too large and more, and sharp
                         resizes them: faster, and rows that are near those of full, not the same

Long runs:
  --resume               keep rows beside the output as they come (features.npy.partial), and go on where an earlier run
                         with --resume stopped; where one has ended, only images that it did not know are read
  --retry-failed         read again what failed in a run that has ended, and keep its rows
  --shard <i/n>          only the i-th of n equal runs of the files (1/4 to 4/4): for several machines, one output each
  --batch <n>            images per forward pass, default 4, of networks 8; changes speed and memory only
  --threads <n>          threads of the engine, default all that this process may use
  --limit <n>            take only the first n images
  --max-pixels <n>       refuse larger images, default 100000000
  --quiet                no progress bar and no closing line; failures are still reported
  --help

Examples:
  convkit extract photos/ -o features.npy
  convkit extract photos/ -o features.npy --model resnet50 --weights resnet50-11ad3fa6.pth --layer avgpool --l2 --resume
  convkit extract 'photos/**/*.jpg' -o part2.npy --model mobilenet_v2 -w mobilenet_v2.safetensors --shard 2/4

Rows come in the order of the arguments; within a folder or pattern, img2 before img10. A file that cannot be read gets
no row: it is reported, and listed with its reason in the manifest. The bytes do not depend on batch, threads or machine.

Exit codes: 0 done; 1 nothing written (wrong arguments, no readable image, output not writable); 2 done, but some
files failed; 130 interrupted, nothing written (with --resume: the rows so far are kept).
`;
