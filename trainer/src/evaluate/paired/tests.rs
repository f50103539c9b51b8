use super::*;

/// Errors between 1 and 2 mm that vary with image and landmark.
fn errors(images: usize, landmarks: usize) -> Vec<Vec<f64>> {
    let error = |i: usize, l: usize| 1.0 + ((i * 37 + l * 11) % 100) as f64 / 100.0;
    (0..images).map(|i| (0..landmarks).map(|l| error(i, l)).collect()).collect()
}

/// `errors` with `more(image, landmark)` added, mm.
fn changed(errors: &[Vec<f64>], more: impl Fn(usize, usize) -> f64) -> Vec<Vec<f64>> {
    let image = |(i, image): (usize, &Vec<f64>)| {
        image.iter().enumerate().map(|(l, e)| e + more(i, l)).collect()
    };
    errors.iter().enumerate().map(image).collect()
}

#[test]
fn the_same_errors_differ_by_nothing() {
    let a = [errors(30, 3)];
    let p = paired(&a, &a).unwrap();
    assert_eq!((p.difference, p.interval), (0.0, [0.0, 0.0]));
    assert_eq!((p.sdr_2_difference, p.sdr_2_interval), (0.0, [0.0, 0.0]));
    assert_eq!((p.better, p.worse, p.images), (0, 0, 30));
    assert!(p.per_landmark.iter().all(|l| l.difference == 0.0 && l.interval == [0.0, 0.0]));
}

#[test]
fn a_constant_difference_has_no_uncertainty() {
    let b = errors(30, 2);
    let a = changed(&b, |_, l| if l == 0 { -0.5 } else { 0.25 });
    let p = paired(&[a], &[b]).unwrap();
    assert!((p.difference + 0.125).abs() < 1e-12);
    assert!(p.interval.iter().all(|v| (v + 0.125).abs() < 1e-12), "{:?}", p.interval);
    let [first, second] = [p.per_landmark[0], p.per_landmark[1]];
    assert!((first.difference + 0.5).abs() < 1e-12 && (second.difference - 0.25).abs() < 1e-12);
    assert!(second.interval.iter().all(|v| (v - 0.25).abs() < 1e-12));
    assert!((first.mre[0] - first.mre[1] - first.difference).abs() < 1e-12);
    assert_eq!((p.better, p.worse), (1, 1));
}

#[test]
fn the_interval_is_that_of_a_paired_mean() {
    let b = errors(100, 1);
    // Differences of +1 and -0.6 mm in turn: mean 0.2, deviation 0.804, standard error 0.0804.
    let a = changed(&b, |i, _| if i % 2 == 0 { 1.0 } else { -0.6 });
    let p = paired(&[a], &[b]).unwrap();
    assert!((p.difference - 0.2).abs() < 1e-12);
    let [low, high] = p.interval;
    assert!((low - 0.042).abs() < 0.02 && (high - 0.358).abs() < 0.02, "{:?}", p.interval);
    assert_eq!(p.per_landmark[0].interval, p.interval, "one landmark: the same draws");
}

#[test]
fn exchanging_the_sides_turns_the_sign() {
    let b = errors(40, 2);
    let a = changed(&b, |i, _| if i % 3 == 0 { -0.9 } else { 0.1 });
    let (there, back) =
        (paired(std::slice::from_ref(&a), std::slice::from_ref(&b)), paired(&[b], &[a]));
    let (there, back) = (there.unwrap(), back.unwrap());
    assert!(there.difference < 0.0, "A is better");
    assert!((there.difference + back.difference).abs() < 1e-12);
    assert!((there.interval[0] + back.interval[1]).abs() < 1e-9);
    assert!((there.sdr_2_difference + back.sdr_2_difference).abs() < 1e-12);
    assert_eq!((there.better, there.worse), (back.worse, back.better));
}

#[test]
fn successes_are_counted_per_run_and_not_on_mean_errors() {
    // The mean of 1 and 5 mm is above 2 mm, but one of the two runs is a hit.
    let a = [vec![vec![1.0], vec![1.0]], vec![vec![5.0], vec![5.0]]];
    let b = [vec![vec![3.0], vec![3.0]], vec![vec![3.0], vec![3.0]]];
    let p = paired(&a, &b).unwrap();
    assert_eq!((p.difference, p.sdr_2_difference), (0.0, 50.0));
    assert_eq!(p.runs, [vec![1.0, 5.0], vec![3.0, 3.0]]);
    assert_eq!(p.per_landmark[0].sdr_2_difference, 50.0);
}

#[test]
fn runs_are_averaged_before_images_are_drawn() {
    let b = errors(50, 2);
    let up = changed(&b, |i, _| if i % 2 == 0 { 1.0 } else { -1.0 });
    let down = changed(&b, |i, _| if i % 2 == 0 { -1.0 } else { 1.0 });
    let p = paired(&[up, down], &[b.clone(), b]).unwrap();
    assert!(p.difference.abs() < 1e-12 && p.interval.iter().all(|v| v.abs() < 1e-12));
}

#[test]
fn the_same_input_gives_the_same_interval() {
    let b = [errors(60, 4)];
    let a = [changed(&b[0], |i, l| ((i * 7 + l * 3) % 13) as f64 / 10.0 - 0.6)];
    assert_eq!(paired(&a, &b).unwrap(), paired(&a, &b).unwrap());
}

#[test]
fn wrong_sizes_and_numbers_are_errors() {
    let good = errors(5, 2);
    let right = [good.clone()];
    let wrong: [(Vec<Vec<Vec<f64>>>, &str); 6] = [
        (vec![], "runs"),
        (vec![good.clone(), good.clone()], "runs"),
        (vec![errors(4, 2)], "images"),
        (vec![errors(5, 3)], "landmarks"),
        (vec![changed(&good, |i, l| if (i, l) == (4, 1) { f64::NAN } else { 0.0 })], "NaN"),
        (vec![changed(&good, |i, _| if i == 0 { f64::INFINITY } else { 0.0 })], "inf"),
    ];
    for (side, word) in wrong {
        for result in [paired(&right, &side), paired(&side, &right)] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
    for empty in [[vec![]], [vec![vec![], vec![]]]] {
        let message = paired(&empty, &empty).unwrap_err().to_string();
        assert!(message.contains("nothing to compare"), "{message}");
    }
    let mut ragged = good.clone();
    ragged[3].pop();
    assert!(paired(&[ragged], &[good]).is_err());
}
